//! Progress: a bar, or without a terminal a line from time to time.

use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal: how many cells are done between two lines.
const LINE_EVERY: u64 = 25;

/// Shows how many cells are done.
pub struct Bar {
    bar: ProgressBar,
    /// What is counted, in the plural.
    what: &'static str,
}

impl Bar {
    /// A bar for `total` of `what`.
    #[must_use]
    pub fn new(total: usize, what: &'static str) -> Self {
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) =
            ProgressStyle::with_template(&format!("  {{wide_bar}} {{pos}}/{{len}} {what}{{msg}} {{elapsed}}"))
        {
            bar.set_style(style);
        }
        Self { bar, what }
    }

    /// Prints a line.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    /// Counts one more as done. The remark is about all of them.
    pub fn advance(&self, remark: &str) {
        self.bar.set_message(remark.to_owned());
        self.bar.inc(1);
        if self.bar.is_hidden() && self.bar.position().is_multiple_of(LINE_EVERY) {
            println!("{} of {} {}{remark}", self.bar.position(), self.bar.length().unwrap_or_default(), self.what);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
