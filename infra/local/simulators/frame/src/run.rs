//! The life of a stand-in's process.

use std::env;
use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::stand_in::StandIn;

/// Starts a stand-in with the settings of the command line, prints one line `READY` with its addresses, and serves
/// until SIGTERM or Ctrl-C. The log goes to standard error.
pub fn run<S, E, F>(start: impl FnOnce(S) -> F) -> ExitCode
where
    S: Parser,
    E: Error + 'static,
    F: Future<Output = Result<StandIn, E>>,
{
    let wanted = env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse::<Targets>().ok());
    let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry().with(wanted).with(fmt::layer().with_writer(io::stderr)).init();
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
