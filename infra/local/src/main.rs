//! What `cargo xtask` runs: the whole system on one machine, without an account at any vendor.
//!
//! Every server is started by a worker process below a guard process (see [`family`]), listens on 127.0.0.1 only and
//! ends with them. Tools are pinned, checked by hash and installed into `target/local/` (see [`tools`]).

mod api;
mod bench;
mod cli;
mod cloud;
mod compile;
mod credentials;
mod demo;
mod deploy;
mod deployed;
mod env_file;
mod family;
mod faults;
mod fuzz;
mod jwt;
mod layout;
mod logs;
mod openapi;
mod profile;
mod progress;
mod python;
mod reload;
mod secrets;
mod services;
mod simulate;
mod staging;
mod supervisor;
mod test;
mod token;
mod tools;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Guard { arguments } => family::guard::run(&arguments).await,
        Command::Worker { arguments } => family::worker::run(&arguments).await,
        Command::Down(cloud) => family::down(&cloud).await,
        Command::Token { cloud, command } => token::run(&cloud, &command).await,
        Command::Up(_)
        | Command::Reload { .. }
        | Command::Logs { .. }
        | Command::Demo(_)
        | Command::Test(_)
        | Command::Pictures(_)
        | Command::Openapi
        | Command::Errors
        | Command::Configuration
        | Command::Fuzz(_)
        | Command::Faults(_)
        | Command::Bench(_)
        | Command::Simulate(_) => family::front::run(&command).await,
    }
}
