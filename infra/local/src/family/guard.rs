//! The guard: it outlives all others, starts one worker, and leaves no process of its family behind.

use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd as _;
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use clap::Parser as _;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command as Process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::STOP_PATIENCE;
use super::own::{Stop, silence};
use super::process::{Identity, reap, sweep};
use crate::cli::Cli;
use crate::layout::{CloudFolder, Workspace, private_file};

/// Runs the command line in a worker; standard input is the link to the front.
pub async fn run(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let command = Cli::parse_from([OsString::from("cargo xtask")].iter().chain(arguments)).command;
    // Ctrl-C on the terminal reaches only the front, which decides what to do.
    rustix::process::setsid().context("leaving the terminal's session")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).context("becoming the family's reaper")?;
    let folder = command.starts().map(|name| Workspace::find().map(|workspace| workspace.cloud(name))).transpose()?;
    // Held until this process ends. The worker shares the lock, in case it outlives this process.
    let lock = match &folder {
        Some(folder) => match take(folder)? {
            Some(lock) => Some(lock),
            None => return Ok(ExitCode::FAILURE),
        },
        None => None,
    };
    let shared = lock.as_ref().map(fs::File::try_clone).transpose()?.map_or_else(Stdio::null, Stdio::from);
    let link = std::io::stdin().as_fd().try_clone_to_owned().context("finding the front")?;
    let link = std::os::unix::net::UnixStream::from(link);
    link.set_nonblocking(true)?;
    let mut link = UnixStream::from_std(link)?;
    let mut stop = Stop::listen()?;
    let mut ready = signal(SignalKind::user_defined1())?;
    let mut worker = Process::new(std::env::current_exe()?)
        .arg("worker")
        .arg("--")
        .args(arguments)
        .stdin(shared)
        .spawn()
        .context("starting the worker")?;
    let mut attached = true;
    let mut word = [0];
    let code = loop {
        tokio::select! {
            status = worker.wait() => break status?.code(),
            _ = ready.recv(), if attached && command.detaches() => {
                attached = false;
                link.write_all(b"r").await?;
                silence()?;
            }
            _ = link.read(&mut word), if attached => break end(&mut worker).await,
            () = stop.asked() => break end(&mut worker).await,
        }
    };
    sweep().await;
    reap();
    if let Some(folder) = &folder {
        folder.forget_all(&Workspace::find()?)?;
    }
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Takes the cloud's lock and writes down who holds it. Returns nothing if the cloud already runs.
fn take(folder: &CloudFolder) -> anyhow::Result<Option<fs::File>> {
    let lock = fs::File::create(folder.lock()).context("opening the lock")?;
    if lock.try_lock().is_err() {
        let name = if folder.name() == "default" { String::new() } else { format!(" --name {}", folder.name()) };
        eprintln!("the cloud \"{}\" is already running; `cargo xtask down{name}` ends it", folder.name());
        return Ok(None);
    }
    let own = Identity::own().context("reading /proc/self/stat")?;
    private_file(&folder.guard(), &serde_json::to_vec(&own)?)?;
    Ok(Some(lock))
}

/// Asks the worker to end in order. If it does not, the caller's sweep kills it.
async fn end(worker: &mut Child) -> Option<i32> {
    if let Some(identity) = worker.id().and_then(|id| i32::try_from(id).ok()).and_then(Identity::of) {
        identity.signal(Signal::TERM);
    }
    timeout(STOP_PATIENCE, worker.wait()).await.ok()?.ok()?.code()
}
