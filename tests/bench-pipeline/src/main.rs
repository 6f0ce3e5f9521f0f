//! `bench-pipeline FILE`: measures the nine functions that are deployed in the cloud of the environment, whoever wrote them, and
//! writes what it found into the file. `cargo xtask bench --instead pipeline` calls it once for each language.

mod alone;
mod crowd;
mod history;
mod journal;
mod outside;

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use bench::pipeline::Functions;
use clap::Parser;
use e2e::Cloud;
use fault_proxy::client::Client;
use serde_json::Value;

use crate::journal::Journal;

#[derive(Debug, Parser)]
#[command(name = "bench-pipeline")]
struct Arguments {
    /// Where the result is written.
    file: PathBuf,
    /// What the local cloud writes down of each invocation.
    #[arg(long)]
    journal: PathBuf,
    /// How many tenants are made one after the other.
    #[arg(long)]
    alone: usize,
    /// How many are made at once.
    #[arg(long)]
    at_once: usize,
}

/// Tenants that make the processes, and do not count.
const WARM_UP: usize = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (cloud, journal) = (Cloud::from_env()?, Journal(arguments.journal));
    let proxy = Client::new(std::env::var("FAULT_PROXY_URL").context("FAULT_PROXY_URL")?)?;
    proxy.reset().await?;
    eprintln!("  · {} tenants at once, in new processes", arguments.at_once);
    let fresh = crowd::measure(&cloud, &journal, arguments.at_once).await?;
    eprintln!("  · {} tenants at once, in processes that are there", arguments.at_once);
    let warm = crowd::measure(&cloud, &journal, arguments.at_once).await?;
    eprintln!("  · {} tenants, one after the other", arguments.alone);
    for _ in 0..WARM_UP {
        let (slug, _) = alone::make(&cloud).await?;
        is_whole(&cloud, &slug).await?;
    }
    let alone = alone::measure(&cloud, &proxy, &journal, arguments.alone).await?;
    let functions = Functions { alone, fresh, warm };
    Ok(std::fs::write(&arguments.file, serde_json::to_vec(&functions)?)?)
}

/// Checks that a tenant has all that the steps make: whoever does less is not compared.
async fn is_whole(cloud: &Cloud, slug: &str) -> Result<()> {
    let found = cloud.check(slug).await?.expect(200)?;
    let broken: Vec<&Value> = found
        .as_array()
        .context("no list")?
        .iter()
        .filter(|part| part["state"] != "ok" && part["state"] != "not_needed")
        .collect();
    ensure!(broken.is_empty(), "the tenant {slug} is not what it has to be: {broken:?}");
    Ok(())
}
