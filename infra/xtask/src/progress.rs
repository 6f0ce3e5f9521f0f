//! The progress of a build, read from what cargo writes to a terminal.

use std::fmt;
use std::time::{Duration, Instant};

/// How often a line is written if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(20);
/// The progress of a shorter build is not shown.
const SHORT: Duration = Duration::from_secs(1);

/// First words of the lines in which cargo says what it does.
const ROUTINE: [&str; 9] =
    ["Updating", "Locking", "Downloading", "Downloaded", "Compiling", "Building", "Finished", "Fresh", "Dirty"];

/// What cargo is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    /// Another cargo has the lock of the target folder.
    Waiting,
    Downloading,
    Compiling,
}

/// The progress of a build.
#[derive(Clone, Debug)]
pub struct Progress {
    phase: Phase,
    started: Instant,
    downloaded: usize,
    done: usize,
    total: usize,
}

impl Default for Progress {
    fn default() -> Self {
        Self { phase: Phase::Starting, started: Instant::now(), downloaded: 0, done: 0, total: 0 }
    }
}

impl Progress {
    /// Reads a line, or a bar that cargo draws. Returns false if the line is for the user, such as a compiler error.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let plain = without_colors(line);
        let words: Vec<&str> = plain.split_whitespace().collect();
        match words.as_slice() {
            [] => return false,
            ["Building", ..] => {
                if let Some((done, total)) = fraction(&plain) {
                    (self.phase, self.done, self.total) = (Phase::Compiling, done, total);
                }
            }
            ["Downloading", left, "crate" | "crates" | "crate," | "crates,", ..] => {
                if let Ok(left) = left.parse::<usize>() {
                    self.phase = Phase::Downloading;
                    (self.done, self.total) = (self.downloaded, self.total.max(self.downloaded + left));
                }
            }
            // `Downloaded serde v1.0.0`. The last such line, `Downloaded 12 crates (…)`, is the total.
            ["Downloaded", _, version, ..] => self.downloaded += usize::from(version.starts_with('v')),
            ["Blocking", ..] => self.phase = Phase::Waiting,
            [first, ..] => return ROUTINE.contains(first),
        }
        true
    }

    /// Whether there is anything to show. A build that ends at once shows nothing.
    #[must_use]
    pub fn is_worth_showing(&self) -> bool {
        self.phase != Phase::Starting && self.started.elapsed() > SHORT
    }

    /// How much is done, and how much there is.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        match self.phase {
            Phase::Starting | Phase::Waiting => (0, 0),
            Phase::Downloading | Phase::Compiling => (self.done, self.total),
        }
    }

    /// The time since the build began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What cargo is doing, in words.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        match self.phase {
            Phase::Starting => "starting cargo",
            Phase::Waiting => "waiting for another cargo to finish",
            Phase::Downloading => "downloading crates",
            Phase::Compiling => "compiling",
        }
    }
}

impl fmt::Display for Progress {
    /// `compiling: 12 of 455`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phase())?;
        match self.counts() {
            (_, 0) => Ok(()),
            (done, total) => write!(f, ": {done} of {total}"),
        }
    }
}

/// Decides when a line is due if there is no terminal: when a phase begins, then every 20 s.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<(Phase, Instant)>,
}

impl Pace {
    /// Whether a line is due now; if so, it counts as written.
    pub fn is_due(&mut self, progress: &Progress) -> bool {
        let due = progress.is_worth_showing()
            && self.last.is_none_or(|(phase, at)| phase != progress.phase || at.elapsed() >= LINE_EVERY);
        if due {
            self.last = Some((progress.phase, Instant::now()));
        }
        due
    }
}

/// The two numbers in `Building [==>   ] 12/455: serde, syn`.
fn fraction(bar: &str) -> Option<(usize, usize)> {
    let (_, counts) = bar.split_once("] ")?;
    let (done, total) = counts.split(':').next()?.split_once('/')?;
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// Removes the sequences (`ESC [ … letter`) that set colors on a terminal.
fn without_colors(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> Progress {
        let mut progress = Progress::default();
        for line in lines {
            assert!(progress.read(line), "{line} is nothing to read");
        }
        progress
    }

    #[test]
    fn downloads_are_counted_up_to_all_that_cargo_has_asked_for() {
        let progress = after(&[
            "    Updating crates.io index",
            " Downloading 3 crates",
            "  Downloaded hex v0.4.3",
            " Downloading 2 crates, remaining bytes: 1.2MiB",
        ]);
        assert_eq!(progress.to_string(), "downloading crates: 1 of 3");
    }

    #[test]
    fn compiled_units_are_read_from_the_bar() {
        let progress = after(&[
            "  Downloaded 7 crates (1.3MiB) in 0.12s",
            "   Compiling libc v0.2.191",
            "\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [=====>      ] 12/455: libc, syn(build.rs)",
        ]);
        assert_eq!(progress.to_string(), "compiling: 12 of 455");
    }

    #[test]
    fn a_wait_for_another_cargo_is_named() {
        let progress = after(&["    Blocking waiting for file lock on build directory"]);
        assert_eq!(progress.to_string(), "waiting for another cargo to finish");
    }

    #[test]
    fn errors_and_warnings_are_something_to_read() {
        let mut progress = Progress::default();
        for line in ["error[E0308]: mismatched types", "\u{1b}[33mwarning\u{1b}[0m: unused", " --> src/main.rs:1:2", ""]
        {
            assert!(!progress.read(line), "{line}");
        }
    }

    #[test]
    fn a_build_that_is_over_at_once_says_nothing() {
        let progress = after(&["    Building [=====>      ] 454/455: xtask"]);
        assert!(!Pace::default().is_due(&progress));
    }

    #[test]
    fn a_line_is_due_when_a_phase_begins() {
        let mut pace = Pace::default();
        let mut progress = after(&["    Building [=====>      ] 1/455: a"]);
        progress.started = progress.started.checked_sub(Duration::from_secs(2)).unwrap();
        assert!(pace.is_due(&progress));
        assert!(!pace.is_due(&progress));
        progress.read("    Blocking waiting for file lock on build directory");
        assert!(pace.is_due(&progress));
    }
}
