//! The worker: it executes the command line, and ends what it started.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use rustix::process::{Signal, getppid, kill_process, set_child_subreaper, set_parent_process_death_signal};

use super::own::{Stop, silence};
use super::process::sweep;
use crate::cli::{Cli, Command};
use crate::layout::Workspace;
use crate::profile::Profile;
use crate::supervisor::Supervisor;
use crate::{bench, cloud, compile, demo, faults, fuzz, logs, openapi, reload, simulate, test};

/// Runs one command line to its end, or until it is asked to stop. Standard input holds the cloud's lock.
pub async fn run(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    set_parent_process_death_signal(Some(Signal::TERM)).context("tying this process to the guard")?;
    set_child_subreaper(Some(rustix::process::getpid())).context("becoming the services' reaper")?;
    let mut stop = Stop::listen()?;
    let Cli { command, verbose } = Cli::parse_from([OsString::from("cargo xtask")].iter().chain(arguments));
    compile::VERBOSE.get_or_init(|| verbose);
    let supervisor = Supervisor::new();
    let result = tokio::select! {
        result = work(&command, &supervisor) => result,
        () = stop.asked() => Ok(ExitCode::from(130)),
    };
    supervisor.stop().await;
    sweep().await;
    result
}

async fn work(command: &Command, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match command {
        Command::Up(up) => {
            let (running, ivory) = cloud::start(&workspace, &up.cloud.name, &up.parts, supervisor).await?;
            // Who has no home folder to write into still gets a cloud.
            let profile =
                Profile::write(&ivory, &running).inspect_err(|error| eprintln!("no profile for ivory: {error:#}"));
            running.greet(profile.as_ref().ok(), up.detach);
            if up.detach {
                detach()?;
            }
            Err(supervisor.first_end().await)
        }
        Command::Demo(options) => demo::run(&workspace, options, supervisor).await,
        Command::Test(options) => test::run(&workspace, options, supervisor).await,
        Command::Pictures(options) => test::run(&workspace, &options.tests(), supervisor).await,
        Command::Openapi => openapi::run(&workspace).await,
        Command::Errors => openapi::errors(&workspace).await,
        Command::Configuration => openapi::configuration(&workspace).await,
        Command::Fuzz(options) => fuzz::run(&workspace, options, supervisor).await,
        Command::Faults(options) => faults::run(&workspace, options, supervisor).await,
        Command::Bench(options) => bench::run(&workspace, options, supervisor).await,
        Command::Simulate(options) => simulate::run(&workspace, options).await,
        Command::Reload { cloud, function } => reload::run(&workspace, cloud, function).await,
        Command::Logs { cloud, follow, wanted, function } => {
            logs::run(&workspace, cloud, *follow, function.as_deref(), wanted).await
        }
        Command::Down(_) | Command::Token { .. } | Command::Guard { .. } | Command::Worker { .. } => {
            bail!("this command needs no worker")
        }
    }
}

/// Tells the guard that the cloud is ready and can run without this command.
fn detach() -> anyhow::Result<()> {
    let guard = getppid().context("the guard is gone")?;
    kill_process(guard, Signal::USR1).context("telling the guard")?;
    silence()
}
