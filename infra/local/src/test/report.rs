//! Counting what ran, from what the test harness prints.

use std::time::{Duration, Instant};

/// One test program's tests.
pub struct Suite {
    name: String,
    started: Instant,
    took: Duration,
    passed: u32,
    failed: u32,
    skipped: u32,
    /// Why tests were skipped, in their own words.
    reasons: Vec<String>,
    /// The harness came to its end at least once.
    concluded: bool,
    inside_successes: bool,
}

/// All suites.
#[derive(Default)]
pub struct Report {
    suites: Vec<Suite>,
}

impl Suite {
    pub fn new(name: String) -> Self {
        Self {
            name,
            started: Instant::now(),
            took: Duration::ZERO,
            passed: 0,
            failed: 0,
            skipped: 0,
            reasons: Vec::new(),
            concluded: false,
            inside_successes: false,
        }
    }

    /// Takes note of a line; true if the user should see it. What passed tests printed is only searched for
    /// `skipped: reason`, by which a test says that it had nothing to test with.
    pub fn read(&mut self, line: &str) -> bool {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.inside_successes = false;
            self.concluded = true;
            self.passed += count(counts, " passed");
            self.failed += count(counts, " failed");
            self.skipped += count(counts, " ignored");
            return true;
        }
        if let Some((_, reason)) = line.split_once(" ... ignored") {
            self.reasons.push(reason.trim_start_matches(", ").to_owned());
        }
        match line {
            "successes:" => self.inside_successes = true,
            "failures:" => self.inside_successes = false,
            _ => (),
        }
        if self.inside_successes {
            if let Some(reason) = line.strip_prefix("skipped: ") {
                self.reasons.push(reason.to_owned());
            }
            return false;
        }
        true
    }

    /// Closed with counts that another program made.
    pub fn counted(mut self, cases: u64, failures: u64) -> Self {
        self.failed = u32::try_from(failures).unwrap_or(u32::MAX);
        self.passed = u32::try_from(cases.saturating_sub(failures)).unwrap_or(u32::MAX);
        self.took = self.started.elapsed();
        self
    }

    /// Closes the count. A program that ended without a verdict, or with a bad one, has failed even if no test says so.
    pub fn end(&mut self, success: bool) {
        let said_so = u32::try_from(self.reasons.len()).unwrap_or(u32::MAX).saturating_sub(self.skipped);
        self.passed = self.passed.saturating_sub(said_so);
        self.skipped += said_so;
        if self.failed == 0 && !(success && self.concluded) {
            self.failed = 1;
        }
        self.took = self.started.elapsed();
    }
}

/// The number before `label` in `ok. 3 passed; 0 failed; 1 ignored; …`.
fn count(counts: &str, label: &str) -> u32 {
    let before = counts.split(label).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

impl Report {
    pub fn add(&mut self, suite: Suite) {
        self.suites.push(suite);
    }

    pub fn passed(&self) -> bool {
        self.suites.iter().all(|suite| suite.failed == 0)
    }

    /// One line per suite that has tests, what was skipped and why, and the total.
    pub fn print(&self) {
        println!("\nSummary");
        for suite in self.suites.iter().filter(|suite| suite.passed + suite.failed + suite.skipped > 0) {
            let Suite { name, passed, failed, skipped, took, .. } = suite;
            println!(
                "  {name:<44} {passed:>4} passed {failed:>3} failed {skipped:>3} skipped {:>7.1} s",
                took.as_secs_f32()
            );
        }
        for suite in &self.suites {
            let mut reasons: Vec<&str> = suite.reasons.iter().map(String::as_str).collect();
            reasons.sort_unstable();
            reasons.dedup();
            for reason in reasons {
                println!("  skipped in {}: {reason}", suite.name);
            }
        }
        let sum = |of: fn(&Suite) -> u32| self.suites.iter().map(of).sum::<u32>();
        let (passed, failed, skipped) =
            (sum(|suite| suite.passed), sum(|suite| suite.failed), sum(|suite| suite.skipped));
        println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str], success: bool) -> (Suite, Vec<bool>) {
        let mut suite = Suite::new("s".to_owned());
        let shown = lines.iter().map(|line| suite.read(line)).collect();
        suite.end(success);
        (suite, shown)
    }

    #[test]
    fn a_test_without_anything_to_test_is_skipped_not_passed() {
        let (suite, shown) = read(
            &[
                "running 2 tests",
                "successes:",
                "---- a stdout ----",
                "skipped: X not set",
                "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured",
            ],
            true,
        );
        assert_eq!((suite.passed, suite.failed, suite.skipped), (1, 0, 1));
        assert_eq!(shown, [true, false, false, false, true]);
        assert_eq!(suite.reasons, ["X not set"]);
    }

    #[test]
    fn ignored_tests_are_counted_once() {
        let (suite, _) =
            read(&["test a ... ignored, too slow", "test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured"], true);
        assert_eq!((suite.passed, suite.failed, suite.skipped), (1, 0, 1));
    }

    #[test]
    fn a_program_that_breaks_off_has_failed() {
        let (suite, _) = read(&["running 9 tests"], false);
        assert_eq!(suite.failed, 1);
    }
}
