//! The life of a stand-in's process.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::stand_in::StandIn;

/// Starts a stand-in with the settings of the command line, prints one line `READY` with its addresses, and serves
/// until SIGTERM or Ctrl-C. The log goes to standard error.
pub fn run<S, E, F>(start: impl FnOnce(S) -> F) -> ExitCode
where
    S: Parser,
    E: Error + 'static,
    F: Future<Output = Result<StandIn, E>>,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match live(start, S::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &*error, "the stand-in failed");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn live<S, E, F>(start: impl FnOnce(S) -> F, settings: S) -> Result<(), Box<dyn Error>>
where
    E: Error + 'static,
    F: Future<Output = Result<StandIn, E>>,
{
    let mut terminated = signal(SignalKind::terminate())?;
    let mut stand_in = start(settings).await?;
    println!("READY {stand_in}");
    tokio::select! {
        broken = stand_in.broken() => Ok(broken?),
        _ = terminated.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
