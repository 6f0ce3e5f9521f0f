//! The nine steps on standard error: nine lines that change on a terminal, a line per change elsewhere.

use std::time::Duration;

use domain::StepState;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;

use super::status::{Status, StepStatus};

/// Where a run is shown.
pub enum Board {
    /// One bar per step.
    Terminal { area: MultiProgress, bars: Vec<ProgressBar> },
    /// The steps as they were shown last.
    Lines { seen: Vec<Value> },
}

impl Board {
    pub fn new(terminal: bool) -> Self {
        if terminal {
            Self::Terminal { area: MultiProgress::new(), bars: Vec::new() }
        } else {
            Self::Lines { seen: Vec::new() }
        }
    }

    /// Shows a status that is new.
    pub fn show(&mut self, status: &Status) {
        match self {
            Self::Terminal { area, bars } => {
                while bars.len() < status.steps.len() {
                    let bar = area.add(ProgressBar::new_spinner());
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bars.push(bar);
                }
                for (bar, step) in bars.iter().zip(&status.steps) {
                    let (mark, template) = mark(step);
                    bar.set_style(ProgressStyle::with_template(template).expect("a template"));
                    bar.set_prefix(mark);
                }
                self.draw(status);
                if status.state != super::State::Provisioning {
                    self.leave();
                }
            }
            Self::Lines { seen } => {
                for change in status.changes_since(seen) {
                    eprintln!("{}", change.line(status));
                }
            }
        }
    }

    /// Shows how much time has gone by.
    pub fn draw(&self, status: &Status) {
        if let Self::Terminal { bars, .. } = self {
            for (bar, step) in bars.iter().zip(&status.steps).filter(|(bar, _)| !bar.is_finished()) {
                bar.set_message(status.line(step));
            }
        }
    }

    /// What is drawn stays.
    fn leave(&self) {
        if let Self::Terminal { bars, .. } = self {
            bars.iter().for_each(ProgressBar::abandon);
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A step's mark, before its line.
fn mark(step: &StepStatus) -> (&'static str, &'static str) {
    match step.state {
        StepState::Completed => ("✓", " {prefix:.green} {wide_msg}"),
        StepState::Failed => ("✗", " {prefix:.red} {wide_msg}"),
        StepState::Pending => ("·", " {prefix:.dim} {wide_msg}"),
        StepState::Running | StepState::Waiting => ("", " {spinner:.yellow} {wide_msg}"),
    }
}
