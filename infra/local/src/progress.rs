//! What the user sees while things happen: spinners on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// One thing being done. Dropped without [`Step::done`], it leaves a line that says it did not finish.
pub struct Step {
    label: String,
    started: Instant,
    bar: Option<ProgressBar>,
    finished: bool,
}

/// Starts a step that writes nothing of its own to the terminal.
pub fn step(label: &str) -> Step {
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    Step { label: label.to_owned(), started: Instant::now(), bar, finished: false }
}

/// Announces a step whose tool draws its own progress.
pub fn announce(label: &str) {
    eprintln!("  · {label}");
}

impl Step {
    /// Ends the step; `detail` says what there is now.
    pub fn done(mut self, detail: &str) {
        self.finish("✓", detail);
    }

    fn finish(&mut self, mark: &str, detail: &str) {
        self.finished = true;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f32();
        let gap = if detail.is_empty() { "" } else { "  " };
        eprintln!("  {mark} {}{gap}{detail} ({seconds:.1} s)", self.label);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            self.finish("✗", "");
        }
    }
}
