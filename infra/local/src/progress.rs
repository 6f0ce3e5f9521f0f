//! Shows progress: spinners and bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::LazyLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use xtask::{Pace, Progress};

/// Holds the lines of all steps, so that simultaneous steps do not draw over each other.
static AREA: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How often a step says that it still runs if there is no terminal.
const STILL_RUNNING: Duration = Duration::from_secs(20);

/// One step of the work. If it is dropped without [`Step::done`], it prints that it did not finish.
pub struct Step {
    label: String,
    started: Instant,
    sign: Sign,
    finished: bool,
}

/// How the user sees that a step runs.
enum Sign {
    Bar(ProgressBar),
    /// Lines from a thread, which ends when this value is dropped.
    Lines(Sender<String>),
    /// Lines with counts.
    Counts(Pace),
}

/// Starts a step that prints nothing else to the terminal.
pub fn step(label: &str) -> Step {
    let sign = if std::io::stderr().is_terminal() { Sign::Bar(spinner(label)) } else { lines(label) };
    Step { label: label.to_owned(), started: Instant::now(), sign, finished: false }
}

/// Starts a step whose counts come through [`Step::count`]. With `verbose`, another program writes to the terminal at
/// the same time, so nothing is drawn.
pub fn counted(label: &str, verbose: bool) -> Step {
    let draws = std::io::stderr().is_terminal() && !verbose;
    let sign = if draws { Sign::Bar(spinner(label)) } else { Sign::Counts(Pace::default()) };
    Step { label: label.to_owned(), started: Instant::now(), sign, finished: false }
}

/// Prints a line above the lines that are being drawn.
pub fn say(line: &str) {
    AREA.suspend(|| eprintln!("{line}"));
}

/// Prints what a command does, above the lines that are being drawn.
pub fn print(text: &str) {
    AREA.suspend(|| println!("{text}"));
}

/// Announces a step whose tool shows its own progress.
pub fn announce(label: &str) {
    say(&format!("  · {label}"));
}

fn spinner(label: &str) -> ProgressBar {
    let bar = AREA.add(ProgressBar::new_spinner());
    bar.set_style(style("  {spinner} {msg} {elapsed}"));
    bar.set_message(label.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn lines(label: &str) -> Sign {
    let (sender, labels) = mpsc::channel();
    let (mut label, started) = (label.to_owned(), Instant::now());
    thread::spawn(move || {
        let mut due = started + STILL_RUNNING;
        loop {
            match labels.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(new) => label = new,
                Err(RecvTimeoutError::Timeout) => {
                    announce(&format!("{label} ({} s so far)", started.elapsed().as_secs()));
                    due += STILL_RUNNING;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    Sign::Lines(sender)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Step {
    /// Shows what the step is doing.
    pub fn tell(&self, label: &str) {
        match &self.sign {
            Sign::Bar(bar) => bar.set_message(label.to_owned()),
            Sign::Lines(labels) => drop(labels.send(label.to_owned())),
            Sign::Counts(_) => {}
        }
    }

    /// Shows the progress of a build.
    pub fn count(&mut self, progress: &Progress) {
        match &mut self.sign {
            Sign::Bar(bar) if progress.is_worth_showing() => {
                let (done, total) = progress.counts();
                if bar.length() != Some(total as u64) {
                    let counts = if total == 0 { "" } else { "{bar:30} {pos} of {len} " };
                    bar.set_style(style(&format!("  {{spinner}} {{msg}} {counts}{{elapsed}}")));
                    bar.set_length(total as u64);
                }
                bar.set_message(format!("{}: {}", self.label, progress.phase()));
                bar.set_position(done as u64);
            }
            Sign::Counts(pace) => {
                if pace.is_due(progress) {
                    announce(&format!("{}: {progress}", self.label));
                }
            }
            Sign::Bar(_) | Sign::Lines(_) => {}
        }
    }

    /// Ends the step. `detail` says what the result is.
    pub fn done(mut self, detail: &str) {
        self.finish("✓", detail);
    }

    fn finish(&mut self, mark: &str, detail: &str) {
        self.finished = true;
        if let Sign::Bar(bar) = &self.sign {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f32();
        let gap = if detail.is_empty() { "" } else { "  " };
        say(&format!("  {mark} {}{gap}{detail} ({seconds:.1} s)", self.label));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            self.finish("✗", "");
        }
    }
}
