//! The processes of the cloud's functions, and what they take.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e::Cloud;
use rustix::process::Pid;
use tokio::time::{Instant, sleep};

/// How often the cloud is measured. The kernel adds up the pages of each process for it.
const MEASURED_EVERY: Duration = Duration::from_secs(15);

/// What is known of a process.
struct Seen {
    since: Instant,
    /// `None` while it is younger than what is asked for.
    is_function: Option<bool>,
}

/// The functions' processes that have lived for a while. What a process is, is looked up once.
pub struct Functions {
    older_than: Duration,
    mine: String,
    seen: HashMap<Pid, Seen>,
}

impl Functions {
    /// Those of the cloud in the environment that are older than this.
    pub fn older_than(older_than: Duration) -> Result<Self> {
        let url = std::env::var("FAULT_PROXY_AWS_URL").context("FAULT_PROXY_AWS_URL")?;
        Ok(Self { older_than, mine: format!("AWS_ENDPOINT_URL={url}"), seen: HashMap::new() })
    }

    /// Those that are alive, at work or idle.
    pub fn alive(&mut self) -> Result<Vec<Pid>> {
        let mut alive = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw)
            else {
                continue;
            };
            let mut seen = self.seen.remove(&pid).unwrap_or_else(|| Seen { since: Instant::now(), is_function: None });
            if seen.is_function.is_none() && seen.since.elapsed() >= self.older_than {
                seen.is_function = Some(self.is_function(pid));
            }
            alive.insert(pid, seen);
        }
        self.seen = alive;
        let functions = self.seen.iter().filter(|(_, seen)| seen.is_function == Some(true));
        Ok(functions.map(|(pid, _)| *pid).collect())
    }

    fn is_function(&self, pid: Pid) -> bool {
        // The process may have ended, or belong to another user.
        let Ok(environment) = fs::read(file(pid, "environ")) else { return false };
        let mut variables = environment.split(|byte| *byte == 0);
        variables.clone().any(|variable| variable.starts_with(b"AWS_LAMBDA_RUNTIME_API="))
            && variables.any(|variable| variable == self.mine.as_bytes())
    }
}

fn file(pid: Pid, name: &str) -> String {
    format!("/proc/{}/{name}", pid.as_raw_nonzero())
}

/// The most that was seen at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// Processes of functions.
    pub processes: usize,
    /// Their memory, in kB. A page that several of them have counts once.
    pub functions_kb: u64,
    /// The memory of the whole machine that is in use, in kB.
    pub machine_kb: u64,
    /// Connections to Postgres: to the control database, and to the databases of tenants.
    pub connections: i64,
}

/// Measures until that fails.
pub async fn measure_on(cloud: &Cloud, peak: &mut Peak) -> anyhow::Error {
    loop {
        if let Err(error) = measure(cloud, peak).await {
            return error;
        }
        sleep(MEASURED_EVERY).await;
    }
}

async fn measure(cloud: &Cloud, peak: &mut Peak) -> Result<()> {
    let functions = Functions::older_than(Duration::ZERO)?.alive()?;
    // A process may have ended meanwhile.
    let memory = functions.iter().filter_map(|pid| fs::read_to_string(file(*pid, "smaps_rollup")).ok());
    let functions_kb = memory.filter_map(|text| kilobytes(&text, "Pss:")).sum();
    let machine = fs::read_to_string("/proc/meminfo")?;
    let [total, available] = ["MemTotal:", "MemAvailable:"].map(|name| kilobytes(&machine, name));
    let machine_kb =
        total.zip(available).map(|(total, available)| total - available).context("another /proc/meminfo")?;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    let connections = cloud.control_as_superuser().await?.query_one(sql, &[]).await?.get(0);
    *peak = Peak {
        processes: peak.processes.max(functions.len()),
        functions_kb: peak.functions_kb.max(functions_kb),
        machine_kb: peak.machine_kb.max(machine_kb),
        connections: peak.connections.max(connections),
    };
    Ok(())
}

/// The number in the line that begins with this name.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        let text =
            "55d0-7fff ---p 00000000 00:00 0    [rollup]\nRss:                1234 kB\nPss:                 987 kB\n";
        assert_eq!((kilobytes(text, "Pss:"), kilobytes(text, "Pss_Anon:")), (Some(987), None));
        let own = fs::read_to_string("/proc/self/smaps_rollup").expect("a rollup");
        assert!(kilobytes(&own, "Pss:").is_some_and(|own| own > 0), "{own}");
    }
}
