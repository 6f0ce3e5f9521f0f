//! The command line of the control plane. It is a client of the public API and nothing else: what it may ask is the table
//! of routes, what it sends is checked by the server's own types first, and what it prints has a schema.
//!
//! ```text
//! cli        what can be typed            commands   what it does, one file per command
//! profiles   where, and with what         api        requests, answers, what is tried again
//! output     tables, JSON, YAML, names    run        the nine steps, live
//! prompt     secrets that are typed
//! ```

#![warn(missing_docs)]

mod api;
mod cli;
mod commands;
mod context;
mod error;
mod output;
mod profiles;
mod prompt;
mod run;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::Cli;
use crate::context::Context;
use crate::error::Error;

/// Reads the command line, does what it says, and says on standard error what went wrong.
#[must_use]
pub fn run() -> ExitCode {
    output::style::init();
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.explain();
            error.exit().into()
        }
    }
}

/// The whole command line, for whoever walks it: completions, man pages, tests.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

fn execute(cli: &Cli) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::system)?;
    let context = Context::new(cli.global.clone());
    runtime.block_on(commands::run(&cli.command, &context))
}
