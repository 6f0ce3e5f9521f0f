//! The services of all clouds of this process. They are started one by one, watched, and ended in reverse order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use futures_util::future::join_all;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};

use crate::family::process::Identity;

/// How long a service may take to end after it was asked to.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// What to start, and how to end it.
pub struct Service {
    name: String,
    command: Command,
    stop: Signal,
    log: PathBuf,
}

struct Running {
    /// The cloud it belongs to: every cloud has a Postgres.
    cloud: String,
    name: String,
    child: Child,
    /// Held open: a service that watches it ends with this process.
    _input: Option<ChildStdin>,
    stop: Signal,
    log: PathBuf,
}

/// Starts services for one cloud, and watches those of all clouds.
pub struct Supervisor {
    cloud: String,
    running: Rc<RefCell<Vec<Running>>>,
}

/// A command that the kernel ends when this process dies. This matters only if the guard is dead too.
pub fn leashed(program: &Path, on_death: Signal, identity: &[&str]) -> Command {
    let Some(setpriv) = setpriv() else { return Command::new(program) };
    let name = if on_death == Signal::QUIT { "QUIT" } else { "TERM" };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", name]).args(identity).arg("--").arg(program);
    command
}

/// The path of `setpriv` (util-linux), if it is installed.
pub fn setpriv() -> Option<PathBuf> {
    crate::tools::which("setpriv")
}

impl Service {
    /// A service that writes to `log` and ends on SIGTERM.
    pub fn new(name: &str, command: Command, log: PathBuf) -> Self {
        Self { name: name.to_owned(), command, stop: Signal::TERM, log }
    }

    pub fn stopped_by(mut self, stop: Signal) -> Self {
        self.stop = stop;
        self
    }
}

impl Running {
    /// If it has ended, an error that says so and quotes the end of its log.
    fn ended(&mut self) -> Option<anyhow::Error> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(anyhow!("{} has ended ({status}):\n{}", self.name, last_lines(&self.log)))
    }
}

impl Supervisor {
    pub fn new() -> Self {
        Self { cloud: String::new(), running: Rc::default() }
    }

    /// A supervisor of another cloud's services. The list of services is shared.
    pub fn of_cloud(&self, cloud: &str) -> Self {
        Self { cloud: cloud.to_owned(), running: Rc::clone(&self.running) }
    }

    /// Starts a service that does not report when it is ready; see [`Supervisor::until`].
    pub fn start(&self, mut service: Service) -> anyhow::Result<()> {
        let output = append(&service.log)?;
        service.command.stdout(output.try_clone()?).stderr(output);
        self.spawn(service)?;
        Ok(())
    }

    /// Starts a service that prints one line `READY …` when it is; returns what follows in that line.
    pub async fn start_and_listen(&self, mut service: Service) -> anyhow::Result<String> {
        let output = append(&service.log)?;
        service.command.stdout(Stdio::piped()).stderr(output.try_clone()?);
        let name = service.name.clone();
        let stdout = self.spawn(service)?.context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(addresses) = line.strip_prefix("READY ") {
                    return Ok(addresses.to_owned());
                }
            }
            Err(self.ended(&name).unwrap_or_else(|| anyhow!("{name} closed its output before it was ready")))
        };
        let addresses =
            timeout(Duration::from_secs(90), ready).await.map_err(|_| anyhow!("{name} does not get ready"))??;
        let mut log = output;
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = writeln!(log, "{line}");
            }
        });
        Ok(addresses)
    }

    fn spawn(&self, mut service: Service) -> anyhow::Result<Option<tokio::process::ChildStdout>> {
        let name = &service.name;
        // Standard input is piped because a service would otherwise inherit this process's, which is the cloud's lock.
        let spawned = service.command.stdin(Stdio::piped()).spawn();
        let mut child = spawned.with_context(|| format!("starting {name}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let cloud = self.cloud.clone();
        let running = Running { cloud, name: service.name, child, _input: input, stop: service.stop, log: service.log };
        self.running.borrow_mut().push(running);
        Ok(output)
    }

    /// Calls `probe` until it returns true. Fails if the service ends or `patience` runs out.
    pub async fn until(
        &self,
        name: &str,
        patience: Duration,
        mut probe: impl AsyncFnMut() -> bool,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        while !probe().await {
            if let Some(error) = self.ended(name) {
                return Err(error);
            }
            if started.elapsed() > patience {
                bail!("{name} does not get ready; its log: {}", self.log_of(name));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Returns as soon as a service has ended unasked; the error quotes the end of its log.
    pub async fn first_end(&self) -> anyhow::Error {
        loop {
            if let Some(error) = self.running.borrow_mut().iter_mut().find_map(Running::ended) {
                return error;
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    fn ended(&self, name: &str) -> Option<anyhow::Error> {
        self.running.borrow_mut().iter_mut().find(|running| self.owns(running, name))?.ended()
    }

    fn owns(&self, running: &Running, name: &str) -> bool {
        running.cloud == self.cloud && running.name == name
    }

    fn log_of(&self, name: &str) -> String {
        let running = self.running.borrow();
        running
            .iter()
            .find(|running| self.owns(running, name))
            .map_or_else(String::new, |it| it.log.display().to_string())
    }

    /// Ends all services: those of one cloud in reverse order of their start, so that none loses a service it uses; the
    /// clouds at the same time.
    pub async fn stop(&self) {
        let clouds: BTreeSet<String> = self.running.borrow().iter().map(|running| running.cloud.clone()).collect();
        join_all(clouds.iter().map(|cloud| self.stop_cloud(cloud))).await;
    }

    async fn stop_cloud(&self, cloud: &str) {
        while let Some(mut service) = self.take_last(cloud) {
            let Some(identity) = service.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Identity::of) else {
                continue;
            };
            identity.signal(service.stop);
            if timeout(STOP_PATIENCE, service.child.wait()).await.is_err() {
                let _ = service.child.kill().await;
            }
        }
    }

    fn take_last(&self, cloud: &str) -> Option<Running> {
        let mut running = self.running.borrow_mut();
        let last = running.iter().rposition(|running| running.cloud == cloud)?;
        Some(running.remove(last))
    }
}

fn append(log: &Path) -> anyhow::Result<fs::File> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(log);
    opened.with_context(|| format!("opening {}", log.display()))
}

/// The last 20 lines of a log: enough to see why a service ended.
pub fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
