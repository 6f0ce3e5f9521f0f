//! `simulate`: plays the pipeline for many tenants at once. `cargo xtask simulate` starts it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use simulation::calls::Calls;
use simulation::figures::{self, SETTINGS, replaced};
use simulation::machine::Machine;
use simulation::rush::Setting;

/// The document with the figures.
const DOCUMENT: &str = "infra/SCALE.md";
/// The pipeline.
const MACHINE: &str = "statemachine/provision-tenant.asl.json";

/// Prints the figures. Those of the settings that the document shows are written there.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// The repository's root.
    #[arg(long)]
    root: PathBuf,
    /// How many tenants are made at once, instead of what the document shows.
    #[arg(long)]
    tenants: Option<u32>,
    /// Lambda's concurrency in the account.
    #[arg(long, default_value_t = figures::ACCOUNT)]
    concurrency: u32,
    /// Decides what is drawn by lot.
    #[arg(long, default_value_t = figures::SEED)]
    seed: u64,
    /// Another definition of the state machine, e.g. an earlier one. Nothing is written.
    #[arg(long, value_name = "FILE")]
    machine: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments { root, tenants, concurrency, seed, machine } = Arguments::parse();
    let is_shown = tenants.is_none() && machine.is_none();
    let machine = Machine::read(&machine.unwrap_or_else(|| root.join(MACHINE)))?;
    let settings = match tenants {
        Some(tenants) => vec![Setting { tenants, concurrency, seed }],
        None => SETTINGS.to_vec(),
    };
    let table = figures::table(&machine, &Calls::load()?, &settings)?;
    print!("{table}");
    if is_shown {
        let path = root.join(DOCUMENT);
        let document = std::fs::read_to_string(&path).with_context(|| format!("reading {DOCUMENT}"))?;
        std::fs::write(&path, replaced(&document, &table)?).with_context(|| format!("writing {DOCUMENT}"))?;
    }
    Ok(())
}
