//! A function's process: started from a standstill, so that neither the fork nor the way into a control group is timed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// The word with which this program becomes another one: `bench become …`.
pub const BECOME: &str = "become";
/// In the place of the file through which a control group is entered.
const NO_GROUP: &str = "-";
/// How many lines of what a process printed are kept, for the case that it fails.
const KEPT_LINES: usize = 20;
/// Longer than a group's period.
const REST: Duration = Duration::from_millis(60);
/// How long a process may take to end.
const END_PATIENCE: Duration = Duration::from_mins(1);

/// Enters the group, says so, waits for a byte, and becomes the program. Returns only if that fails.
pub fn become_program(group: &Path, program: &[OsString]) -> Result<Infallible> {
    if group != NO_GROUP {
        // The kernel takes 0 for the process that writes.
        fs::write(group, "0").with_context(|| format!("entering {}", group.display()))?;
    }
    let (name, arguments) = program.split_first().context("no program")?;
    std::io::stdout().write_all(b"\n")?;
    std::io::stdout().flush()?;
    std::io::stdin().read_exact(&mut [0])?;
    Err(std::process::Command::new(name).args(arguments).exec()).with_context(|| format!("starting {}", name.display()))
}

/// What is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The program with its arguments.
    pub program: Vec<OsString>,
    /// All variables that it gets.
    pub variables: Vec<(String, OsString)>,
    /// The file through which its control group is entered.
    pub group: Option<PathBuf>,
}

/// A process that stands still or runs.
#[derive(Debug)]
pub struct Process {
    child: Child,
    id: Pid,
    /// What it had used before it became the program.
    used_before: Duration,
    printed: Arc<Mutex<Printed>>,
}

#[derive(Debug, Default)]
struct Printed {
    last_lines: VecDeque<String>,
    has_warned: bool,
}

impl Process {
    /// Prepares a process up to the moment in which it becomes the program.
    pub async fn stand(start: &Start) -> Result<Self> {
        let this = std::env::current_exe()?;
        let mut command = match start.group {
            Some(_) => one_core(&this)?,
            None => Command::new(this),
        };
        command.arg(BECOME).arg(start.group.as_deref().unwrap_or(NO_GROUP.as_ref())).args(&start.program);
        command.env_clear().envs(start.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("the process has no id")?;
        let mut said = child.stdout.take().context("no standard output")?;
        let errors = child.stderr.take().context("no standard error")?;
        let printed = Arc::default();
        tokio::spawn(keep(errors, Arc::clone(&printed)));
        let stands = said.read_u8().await;
        let process = Self { child, id, used_before: Duration::ZERO, printed };
        if stands.is_err() {
            bail!("a process did not start: {}", process.last_lines());
        }
        tokio::spawn(keep(said, Arc::clone(&process.printed)));
        if start.group.is_some() {
            // Its group has a whole share then, which begins with the program.
            sleep(REST).await;
        }
        Ok(Self { used_before: process.processor_time()?, ..process })
    }

    /// Lets it become the program.
    pub async fn go(&mut self) -> Result<Instant> {
        let mut input = self.child.stdin.take().context("it runs already")?;
        let at = Instant::now();
        input.write_all(b"\n").await?;
        Ok(at)
    }

    /// What the program's threads have used until now, in user and kernel mode.
    pub fn processor_time(&self) -> Result<Duration> {
        let mut used = Duration::ZERO;
        for thread in fs::read_dir(self.file("task"))? {
            // Of a thread that just ended there is no file any more.
            if let Ok(statistics) = fs::read_to_string(thread?.path().join("schedstat")) {
                used += run_time(&statistics)?;
            }
        }
        Ok(used.saturating_sub(self.used_before))
    }

    /// The most memory that it had at once, in bytes: its own and what it shares.
    pub fn peak_memory(&self) -> Result<u64> {
        high_water(&fs::read_to_string(self.file("status"))?).context("no VmHWM")
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) -> Result<()> {
        kill_process(self.id, Signal::TERM)?;
        if timeout(END_PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// The end of what it printed.
    #[must_use]
    pub fn last_lines(&self) -> String {
        let lines = self.printed.lock().map(|printed| printed.last_lines.iter().cloned().collect::<Vec<_>>());
        lines.unwrap_or_default().join("\n")
    }

    /// Whether it logged a warning: it did more than it was meant to.
    #[must_use]
    pub fn has_warned(&self) -> bool {
        self.printed.lock().is_ok_and(|printed| printed.has_warned)
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.id.to_string()).join(name)
    }
}

/// The scheduler hands out a group's quota core by core. A process that moves to another core leaves the rest behind, and
/// waits for the next period.
fn one_core(program: &Path) -> Result<Command> {
    let status = fs::read_to_string("/proc/self/status")?;
    let core = last_core(&status).context("no core is allowed")?;
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).arg(program);
    Ok(command)
}

/// The last one that this process may run on.
fn last_core(status: &str) -> Option<&str> {
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    allowed.trim().rsplit([',', '-']).next().filter(|core| !core.is_empty())
}

async fn keep(output: impl AsyncRead + Unpin, kept: Arc<Mutex<Printed>>) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let Ok(mut kept) = kept.lock() else { return };
        let line = String::from_utf8_lossy(&line).into_owned();
        kept.has_warned |= line.contains("\"level\":\"WARN\"");
        if kept.last_lines.len() == KEPT_LINES {
            kept.last_lines.pop_front();
        }
        kept.last_lines.push_back(line);
    }
}

/// The first number of `schedstat`: nanoseconds on a processor.
fn run_time(schedstat: &str) -> Result<Duration> {
    let first = schedstat.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(first.parse().with_context(|| format!("schedstat says {schedstat:?}"))?))
}

/// `VmHWM` of `/proc/{id}/status`, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        assert_eq!(run_time("1117630 974349 11\n").expect("a time"), Duration::from_nanos(1_117_630));
        assert!(run_time("").is_err());
        assert_eq!(high_water("VmPeak:\t   99 kB\nVmHWM:\t   10812 kB\nVmRSS:\t 1 kB\n"), Some(10_812 * 1024));
        assert_eq!(high_water("VmRSS:\t 1 kB\n"), None);
        let cores = ["0-1", "0-3,8", "5"].map(|list| format!("Cpus_allowed:\t3\nCpus_allowed_list:\t{list}\n"));
        assert_eq!(cores.each_ref().map(|status| last_core(status)), [Some("1"), Some("8"), Some("5")]);
    }
}
