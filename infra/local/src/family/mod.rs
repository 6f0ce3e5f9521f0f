//! The three processes of a command. Together they make sure that no process is left behind and no foreign one is
//! ended.
//!
//! ```text
//! front    what the user called: waits, and passes Ctrl-C on
//! └ guard  has its own session; ends the worker's whole family when the worker is gone
//!   └ worker  does the work; every service and tool is its child
//! ```
//! The three watch each other. When the front dies in any way, its end of a socket closes and the guard ends the
//! worker. When the worker dies, its children become children of the guard, the nearest subreaper, which kills them.
//! When the guard dies, the kernel sends the worker SIGTERM, and the worker ends everything in order. The members of
//! the family are read from the kernel's table of parents. A process id alone is never trusted: ids are reused.

pub mod front;
pub mod guard;
mod own;
pub mod process;
pub mod worker;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::cli::CloudName;
use crate::layout::Workspace;
use process::Identity;

/// How long a cloud may take to end in order. After that it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Ends a running cloud and waits until nothing of it is left.
pub async fn down(cloud: &CloudName) -> anyhow::Result<std::process::ExitCode> {
    let folder = Workspace::find()?.cloud(&cloud.name);
    let Some(lock) = fs::File::open(folder.lock()).ok().filter(is_taken) else {
        eprintln!("no cloud of the name \"{}\" is running", cloud.name);
        return Ok(std::process::ExitCode::SUCCESS);
    };
    let guard: Identity = serde_json::from_slice(&fs::read(folder.guard()).context("reading who guards the cloud")?)?;
    guard.signal(Signal::TERM);
    let started = Instant::now();
    // The guard and the worker share the lock: it is free once both have ended.
    while is_taken(&lock) {
        if started.elapsed() > STOP_PATIENCE + Duration::from_secs(10) {
            bail!("the cloud \"{}\" does not end; its guard is process {}", cloud.name, guard.pid());
        }
        sleep(Duration::from_millis(50)).await;
    }
    eprintln!("the cloud \"{}\" has ended", cloud.name);
    Ok(std::process::ExitCode::SUCCESS)
}

/// Whether someone holds the lock. Asking takes it for a moment and gives it back.
fn is_taken(lock: &fs::File) -> bool {
    let taken = lock.try_lock().is_err();
    if !taken {
        let _ = lock.unlock();
    }
    taken
}
