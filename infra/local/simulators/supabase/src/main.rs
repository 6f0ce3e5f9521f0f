//! `supabase-simulator`: binds, says so in one line, serves until it is told to end.

use anyhow::Context as _;
use clap::Parser as _;
use supabase_simulator::{Settings, Simulator};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let mut terminate = signal(SignalKind::terminate())?;
    let simulator = Simulator::bind(Settings::parse()).await?;
    println!("READY http://{} admin=http://{}", simulator.address()?, simulator.admin_address()?);
    tokio::select! {
        served = simulator.serve() => served.context("serving"),
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for a signal"),
    }
}
