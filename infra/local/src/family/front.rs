//! The process that the user called: it starts the guard, passes Ctrl-C on, and returns the result of the work.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command as Process;

use super::own::Stop;
use crate::cli::Command;
use crate::layout::Workspace;

/// Runs the command below a guard. Returns when it ended, or when the cloud it leaves behind is ready.
pub async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let folder = Workspace::find()?.cloud(command.starts().unwrap_or("tools"));
    folder.create()?;
    // The guard runs from a copy with another name. Cargo may replace this file while the cloud runs, and `pkill` with
    // this program's name must not end the guard.
    install(&folder.program())?;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut guard = Process::new(folder.program())
        .arg("guard")
        .arg("--")
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .spawn()
        .context("starting the guard")?;
    ours.set_nonblocking(true)?;
    let mut link = tokio::net::UnixStream::from_std(ours)?;
    let mut stop = Stop::listen()?;
    let mut word = [0];
    let status = tokio::select! {
        status = guard.wait() => status?,
        // The guard sends one byte when the cloud is ready and this process may end. It sends nothing else.
        Ok(1..) = link.read(&mut word) => return Ok(ExitCode::SUCCESS),
        () = stop.asked() => {
            drop(link);
            guard.wait().await?
        }
    };
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Copies this program. Processes that still run from an older copy are not affected.
fn install(to: &Path) -> anyhow::Result<()> {
    let own = fs::read("/proc/self/exe").context("reading this program")?;
    if fs::read(to).is_ok_and(|installed| installed == own) {
        return Ok(());
    }
    let draft = to.with_extension(format!("{}", std::process::id()));
    fs::write(&draft, own)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
    fs::rename(&draft, to).with_context(|| format!("installing {}", to.display()))
}
