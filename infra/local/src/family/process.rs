//! Processes as `/proc` shows them.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, wait};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// Identifies a process uniquely. An id alone is reused, but not together with its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pid: i32,
    /// Clock ticks after boot.
    started: u64,
}

struct Stat {
    state: char,
    parent: i32,
    started: u64,
}

/// Fields of `/proc/PID/stat`, counted after the name, which is in parentheses and may hold anything.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, fields) = line.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        started: fields.nth(17)?.parse().ok()?,
    })
}

fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

impl Identity {
    pub fn of(pid: i32) -> Option<Self> {
        stat(pid).map(|stat| Self { pid, started: stat.started })
    }

    pub fn own() -> Option<Self> {
        Self::of(rustix::process::getpid().as_raw_nonzero().get())
    }

    pub fn pid(self) -> i32 {
        self.pid
    }

    /// Signals exactly this process; false when it is gone.
    pub fn signal(self, signal: Signal) -> bool {
        // The descriptor is opened first, so that the id cannot be reused between the check and the signal.
        let Some(Ok(pinned)) = Pid::from_raw(self.pid).map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
            return false;
        };
        Self::of(self.pid) == Some(self) && pidfd_send_signal(pinned, signal).is_ok()
    }
}

/// Every living process below this one, however deep.
pub fn descendants() -> Vec<Identity> {
    let mut children: HashMap<i32, Vec<(Identity, char)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(stat) = stat(pid) else { continue };
        children.entry(stat.parent).or_default().push((Identity { pid, started: stat.started }, stat.state));
    }
    let mut found = Vec::new();
    let mut open = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = open.pop() {
        for (child, state) in children.remove(&parent).unwrap_or_default() {
            open.push(child.pid);
            // A zombie runs nothing and holds nothing.
            if state != 'Z' {
                found.push(child);
            }
        }
    }
    found
}

/// Kills every process below this one, repeatedly: a process can start another one just before it is killed.
pub async fn sweep() {
    loop {
        let family = descendants();
        if family.is_empty() {
            return;
        }
        for member in family {
            member.signal(Signal::KILL);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Collects the exit status of every child that has ended, before a subreaper exits.
pub fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_field() {
        let line = "42 (a) S 1 (x)) R 7 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 10";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.started), ('R', 7, 98765));
    }

    #[test]
    fn a_reused_id_is_another_process() {
        let own = Identity::own().unwrap();
        let other = Identity { started: own.started + 1, ..own };
        assert!(!other.signal(Signal::CONT));
        assert!(own.signal(Signal::CONT));
    }
}
