//! The nine steps on standard error: nine lines that change on a terminal, a line per change elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

use console::{Term, style, truncate_str};
use domain::StepState;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::FRAME;
use super::status::{Status, StepStatus};
use crate::output::draws;

/// The mark of a step that is at work, by the time.
const AT_WORK: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Where a run is shown.
pub enum Board {
    /// All steps, drawn as one.
    Terminal(ProgressBar),
    /// The steps as they were shown last.
    Lines { seen: Vec<Value> },
}

impl Board {
    pub fn new(terminal: bool) -> Self {
        if !terminal {
            return Self::Lines { seen: Vec::new() };
        }
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a template"));
        draws(Some(&bar));
        Self::Terminal(bar)
    }

    /// Shows a status that is new.
    pub fn show(&mut self, status: &Status) {
        match self {
            Self::Terminal(_) => self.draw(status),
            Self::Lines { seen } => {
                for change in status.changes_since(seen) {
                    eprintln!("{}", change.line(status));
                }
            }
        }
    }

    /// Shows how much time has gone by.
    pub fn draw(&self, status: &Status) {
        if let Self::Terminal(bar) = self {
            let columns = usize::from(Term::stderr().size().1);
            let line = |step: &StepStatus| {
                let line = format!(" {} {}", mark(step), status.line(step));
                truncate_str(&line, columns, "…").into_owned()
            };
            bar.set_message(status.steps.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
    }
}

impl Drop for Board {
    /// What is drawn stays, and what is said from now on comes below it.
    fn drop(&mut self) {
        if let Self::Terminal(bar) = self {
            draws(None);
            if bar.message().is_empty() { bar.finish_and_clear() } else { bar.abandon() }
        }
    }
}

/// A step's mark, before its line.
fn mark(step: &StepStatus) -> String {
    let mark = match step.state {
        StepState::Completed => style('✓').green(),
        StepState::Failed => style('✗').red(),
        StepState::Pending => style('·').dim(),
        StepState::Running | StepState::Waiting => style(at_work()).yellow(),
    };
    mark.for_stderr().to_string()
}

fn at_work() -> char {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let frames = now.as_millis() / FRAME.as_millis();
    AT_WORK[usize::try_from(frames % 10).unwrap_or_default()]
}
