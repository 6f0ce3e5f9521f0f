//! The nine steps on standard error: nine lines that change on a terminal, a line per change elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

use console::{Term, truncate_str};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::FRAME;
use super::status::{Status, StepStatus};
use crate::output::{draws, note};

/// The marks of a step that is at work, one after the other.
const AT_WORK: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Where a run is shown.
pub enum Board {
    /// All steps, drawn as one.
    Terminal(ProgressBar),
    /// The steps as they were shown last.
    Lines { seen: Vec<Value> },
}

impl Board {
    pub fn new() -> Self {
        let bar = ProgressBar::no_length();
        // No terminal, or one on which nothing can be drawn.
        if bar.is_hidden() {
            return Self::Lines { seen: Vec::new() };
        }
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
                    note(change.line(status));
                }
            }
        }
    }

    /// Shows how much time has gone by.
    pub fn draw(&self, status: &Status) {
        if let Self::Terminal(bar) = self {
            let columns = usize::from(Term::stderr().size().1);
            let line = |step: &StepStatus| {
                let line = format!(" {} {}", step.mark(at_work()).for_stderr(), status.line(step));
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

/// The mark of a step that is at work, now.
fn at_work() -> char {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let frames = now.as_millis() / FRAME.as_millis();
    AT_WORK[usize::try_from(frames % 10).unwrap_or_default()]
}
