//! `cargo xtask deploy`, `doctor`, `keys` and `sbom`: what an operator does with an installation on AWS.
//!
//! They stand on the two programs that an operator has anyway, `sam` and `aws`, and print each of their commands, so that
//! everything they do can be done by hand.

#[macro_use]
mod say;

mod aws;
mod bootstraps;
mod callers;
mod check;
mod cli;
mod deploy;
mod doctor;
mod installation;
mod keys;
mod kong;
mod network;
mod programs;
mod sbom;
mod secrets;
mod stack;
mod template;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Deploy(deploy) => deploy::run(&deploy),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Keys(keys) => keys::run(&keys),
        Command::Sbom(to) => sbom::run(&to),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
