//! The user instructions of a start and of a call: what can be compared between machines, and over time.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::running::Running;
use crate::targets::{Contest, Target};

/// How often a program is counted at most.
const TRIES: usize = 4;

/// Thousands of user instructions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instructions {
    /// From the start of the program until it has given its first answer.
    pub first_answer_k: f64,
    /// For a warm call.
    pub warm_k: f64,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The processor.
    Perf,
    /// A simulated processor.
    Callgrind,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Perf => "perf stat",
            Self::Callgrind => "callgrind",
        })
    }
}

impl Counter {
    /// The better one of those that work here; or why there is none.
    pub fn find() -> Result<Self> {
        let file = tempfile::NamedTempFile::new()?;
        for counter in [Self::Perf, Self::Callgrind] {
            let wrapper = counter.wrapper(file.path());
            let tried = Command::new(&wrapper[0]).args(&wrapper[1..]).arg("true").output();
            if tried.is_ok_and(|output| output.status.success()) && counter.read(file.path()).is_ok() {
                return Ok(counter);
            }
        }
        bail!("perf counts no instructions here, and valgrind is not here")
    }

    /// The words before a program with which its instructions are counted into this file.
    fn wrapper(self, file: &Path) -> Vec<OsString> {
        let option = |name: &str| {
            let mut option = OsString::from(name);
            option.push(file);
            option
        };
        match self {
            Self::Perf => vec![
                "perf".into(),
                "stat".into(),
                "--field-separator=,".into(),
                "--event=instructions:u".into(),
                option("--output="),
                "--".into(),
            ],
            Self::Callgrind => {
                vec!["valgrind".into(), "--quiet".into(), "--tool=callgrind".into(), option("--callgrind-out-file=")]
            }
        }
    }

    fn read(self, file: &Path) -> Result<u64> {
        let text = std::fs::read_to_string(file)?;
        match self {
            Self::Perf => of_perf(&text),
            Self::Callgrind => of_callgrind(&text),
        }
        .with_context(|| format!("{self} did not count"))
    }

    /// Counts twice, with one call and with more: the difference is that of the warm calls.
    pub async fn count(self, contest: &Contest, target: &Target, calls: u32) -> Result<Instructions> {
        let (one, more) = (self.total(contest, target, 1).await?, self.total(contest, target, 1 + calls).await?);
        let thousands = |count: u64| u32::try_from(count / 1000).map(f64::from).context("too many instructions");
        let warm = thousands(more.saturating_sub(one))? / f64::from(calls);
        Ok(Instructions { first_answer_k: thousands(one)?, warm_k: warm })
    }

    /// A function that is counted starts slowly. If it gave up a connection for that, it is counted again.
    async fn total(self, contest: &Contest, target: &Target, calls: u32) -> Result<u64> {
        for _ in 0..TRIES {
            if let Some(count) = self.try_to_count(contest, target, calls).await? {
                return Ok(count);
            }
        }
        bail!("too slow under {self} to keep its time limits")
    }

    async fn try_to_count(self, contest: &Contest, target: &Target, calls: u32) -> Result<Option<u64>> {
        let file: PathBuf = tempfile::NamedTempFile::new()?.into_temp_path().keep()?;
        let counted = async {
            let mut running = Running::start(target, &self.wrapper(&file), None).await?;
            for _ in 0..calls {
                running.call(&contest.event).await?;
            }
            let has_warned = running.process().has_warned();
            running.end().await?;
            self.read(&file).map(|count| (!has_warned).then_some(count))
        };
        let counted = counted.await;
        // A counter that was killed left none.
        let _ = std::fs::remove_file(&file);
        counted
    }
}

/// The first field of the line with the event, as `--field-separator` writes it.
fn of_perf(text: &str) -> Option<u64> {
    text.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
}

/// The sum over all functions, in the last line of a complete file.
fn of_callgrind(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| line.strip_prefix("totals:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_nothing_passes_for_one() {
        let perf = "# started on Sat Mar 24\n\n313042,,instructions:u,1834021,100.00,,\n";
        assert_eq!(of_perf(perf), Some(313_042));
        assert_eq!(of_perf("<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(of_perf("<not counted>,,instructions:u,0,100.00,,\n"), None);
        let callgrind = "# callgrind format\nevents: Ir\nfn=(1) main\n12 4\n\ntotals: 313042\n";
        assert_eq!(of_callgrind(callgrind), Some(313_042));
        assert_eq!(of_callgrind("# callgrind format\nevents: Ir\nfn=(1) main\n12 4\n"), None, "cut off");
        assert_eq!(of_callgrind(""), None);
    }
}
