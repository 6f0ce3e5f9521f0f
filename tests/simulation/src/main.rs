//! `simulate`: plays the pipeline for many tenants at once. `cargo xtask simulate` starts it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use simulation::calls::Calls;
use simulation::figures::{self, MACHINE, SETTINGS, replaced};
use simulation::machine::Machine;
use simulation::rush::Setting;

/// The document with the figures.
const DOCUMENT: &str = "infra/SCALE.md";

/// Prints the figures. Without `--tenants` and `--machine` they are written into the document.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// The repository's root.
    #[arg(long)]
    root: PathBuf,
    /// How many tenants are made at once, instead of what the document shows.
    #[arg(long)]
    tenants: Option<u32>,
    /// With --tenants: Lambda's concurrency in the account.
    #[arg(long, default_value_t = figures::ACCOUNT)]
    concurrency: u32,
    /// With --tenants: decides what is drawn by lot.
    #[arg(long, default_value_t = figures::SEED)]
    seed: u64,
    /// Another definition of the state machine, e.g. an earlier one.
    #[arg(long, value_name = "FILE")]
    machine: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments { root, tenants, concurrency, seed, machine } = Arguments::parse();
    if tenants.is_none() && machine.is_none() {
        let (shown, path) = (figures::shown(&root)?, root.join(DOCUMENT));
        print!("{shown}");
        let document = std::fs::read_to_string(&path).with_context(|| format!("reading {DOCUMENT}"))?;
        return std::fs::write(&path, replaced(&document, &shown)?).with_context(|| format!("writing {DOCUMENT}"));
    }
    let machine = Machine::read(&machine.unwrap_or_else(|| root.join(MACHINE)))?;
    let settings = match tenants {
        Some(tenants) => vec![Setting { tenants, concurrency, seed }],
        None => SETTINGS.to_vec(),
    };
    print!("{}", figures::table(&machine, &Calls::load()?, &settings)?);
    Ok(())
}
