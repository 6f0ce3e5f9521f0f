//! `mailbox`: binds, says so in one line, serves until it is told to end.

use anyhow::Context as _;
use clap::Parser as _;
use mailbox::{Mailbox, Settings};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mailbox = Mailbox::bind(Settings::parse()).await.context("binding a port")?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("READY http://{} smtp://{}", mailbox.http_address()?, mailbox.smtp_address()?);
    tokio::select! {
        served = mailbox.serve() => served.context("serving"),
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for a signal"),
    }
}
