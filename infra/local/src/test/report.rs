//! Counts the tests that ran, from the output of the test harness.

use std::fmt::Write as _;
use std::process::Output;
use std::time::{Duration, Instant};

/// One test program's tests.
pub struct Suite {
    name: String,
    started: Instant,
    took: Duration,
    passed: u32,
    failed: u32,
    ignored: Vec<Ignored>,
    /// What the user reads.
    lines: Vec<String>,
    /// Whether every pass ended normally.
    concluded: bool,
}

/// A test that was not run.
#[derive(Debug, PartialEq, Eq)]
struct Ignored {
    test: String,
    /// The reason, as the test gives it.
    reason: String,
}

/// All suites.
#[derive(Default)]
pub struct Report {
    suites: Vec<Suite>,
}

impl Ignored {
    /// `test a::b ... ignored, needs X`
    fn parse(line: &str) -> Option<Self> {
        let (test, reason) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
        Some(Self { test: test.to_owned(), reason: reason.trim_start_matches(", ").to_owned() })
    }

    /// Whether the test needs only variables, and all of them are set.
    fn is_able(&self, is_there: impl Fn(&str) -> bool) -> bool {
        let is_variable = |word: &&str| word.contains('_') && !word.contains(|c: char| c.is_lowercase());
        let words = self.reason.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let mut variables = words.filter(is_variable).peekable();
        self.reason.starts_with("needs ") && variables.peek().is_some() && variables.all(is_there)
    }
}

impl Suite {
    pub fn new(name: String) -> Self {
        Self {
            name,
            started: Instant::now(),
            took: Duration::ZERO,
            passed: 0,
            failed: 0,
            ignored: Vec::new(),
            lines: Vec::new(),
            concluded: true,
        }
    }

    /// Reads the output of one pass of the program, without the ignored tests of other modules. A pass that ended
    /// without a result, or with a bad one, has failed even if no test says so.
    pub fn read(&mut self, output: &Output, module: &str) {
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let (failed, mut concluded) = (self.failed, false);
        for line in text.lines().chain(errors.lines()) {
            if let Some(counts) = line.strip_prefix("test result: ") {
                concluded = true;
                self.passed += count(counts, " passed");
                self.failed += count(counts, " failed");
            }
            match Ignored::parse(line) {
                Some(ignored) if ignored.test.starts_with(module) => self.ignored.push(ignored),
                Some(_) => {}
                None if line.is_empty() || line.starts_with("running ") => {}
                None => self.lines.push(line.to_owned()),
            }
        }
        self.concluded &= concluded && (output.status.success() || self.failed > failed);
    }

    /// Removes and returns the tests that were ignored although everything that they need is there.
    pub fn take_able(&mut self, is_there: impl Fn(&str) -> bool) -> Vec<String> {
        let able = self.ignored.extract_if(.., |ignored| ignored.is_able(&is_there));
        able.map(|ignored| ignored.test).collect()
    }

    /// Adds the counts of another program.
    pub fn count(&mut self, cases: u64, failures: u64, said: &str) {
        self.failed = u32::try_from(failures).unwrap_or(u32::MAX);
        self.passed = u32::try_from(cases.saturating_sub(failures)).unwrap_or(u32::MAX);
        self.lines.extend(said.lines().map(str::to_owned));
        self.end();
    }

    /// Ends the count.
    pub fn end(&mut self) {
        if self.failed == 0 && !self.concluded {
            self.failed = 1;
        }
        self.took = self.started.elapsed();
    }

    /// The program's output, below a heading.
    pub fn text(&self) -> String {
        let mut text = format!("\n== {} ({:.1} s)", self.name, self.took.as_secs_f32());
        for line in &self.lines {
            let _ = write!(text, "\n{line}");
        }
        for Ignored { test, reason } in &self.ignored {
            let _ = write!(text, "\ntest {test} ... ignored, {reason}");
        }
        text
    }

    fn is_empty(&self) -> bool {
        self.passed + self.failed == 0 && self.ignored.is_empty()
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

    /// With `strict`, an ignored test is a failure.
    pub fn passed(&self, strict: bool) -> bool {
        self.suites.iter().all(|suite| suite.failed == 0 && (!strict || suite.ignored.is_empty()))
    }

    /// One line for each suite that has tests, the slowest last. Then the ignored tests with their reasons, and the
    /// total.
    pub fn print(&mut self) {
        self.suites.retain(|suite| !suite.is_empty());
        self.suites.sort_by_key(|suite| suite.took);
        println!("\nSummary, the slowest last");
        for suite in &self.suites {
            let Suite { name, passed, failed, ignored, took, .. } = suite;
            let (ignored, took) = (ignored.len(), took.as_secs_f32());
            println!("  {name:<44} {passed:>4} passed {failed:>3} failed {ignored:>3} ignored {took:>7.1} s");
        }
        for suite in &self.suites {
            for Ignored { test, reason } in &suite.ignored {
                println!("  ignored: {} {test}: {reason}", suite.name);
            }
        }
        let sum = |of: fn(&Suite) -> u32| self.suites.iter().map(of).sum::<u32>();
        let ignored: usize = self.suites.iter().map(|suite| suite.ignored.len()).sum();
        println!("\n{} passed, {} failed, {ignored} ignored", sum(|suite| suite.passed), sum(|suite| suite.failed));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn suite(passes: &[(&str, i32)]) -> Suite {
        let mut suite = Suite::new("s".to_owned());
        for (text, code) in passes {
            let status = ExitStatus::from_raw(code << 8);
            suite.read(&Output { status, stdout: text.as_bytes().to_vec(), stderr: Vec::new() }, "");
        }
        suite
    }

    #[test]
    fn a_test_that_has_all_it_needs_is_run_in_a_second_pass() {
        let mut suite = suite(&[(
            "test a ... ignored, needs A_URL and B_URL\ntest b ... ignored, needs A_URL\ntest c ... ignored, too slow\n\
             test result: ok. 0 passed; 0 failed; 3 ignored; 0 measured",
            0,
        )]);
        assert_eq!(suite.take_able(|name| name == "A_URL"), ["b"]);
        assert_eq!(suite.ignored.len(), 2);
        assert!(suite.text().contains("test a ... ignored, needs A_URL and B_URL"));
    }

    #[test]
    fn the_counts_of_both_passes_are_added() {
        let mut suite = suite(&[
            ("test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured", 0),
            ("test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured", 101),
        ]);
        suite.end();
        assert_eq!((suite.passed, suite.failed), (5, 1));
    }

    #[test]
    fn a_program_that_breaks_off_has_failed() {
        let mut suite =
            suite(&[("test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured", 0), ("running 9 tests", 1)]);
        suite.end();
        assert_eq!((suite.passed, suite.failed), (2, 1));
    }

    #[test]
    fn an_ignored_test_fails_a_strict_run_only() {
        let mut report = Report::default();
        report.add(suite(&[("test a ... ignored, slow\ntest result: ok. 1 passed; 0 failed; 1 ignored", 0)]));
        assert!(report.passed(false));
        assert!(!report.passed(true));
    }
}
