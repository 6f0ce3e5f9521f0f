//! `cargo xtask faults`: the kill matrix, on a separate cloud.

use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use tokio::process::Command;

use crate::cli::{Faults, Parts};
use crate::cloud;
use crate::layout::Workspace;
use crate::supervisor::Supervisor;

/// A storm of so many tenants is a large one: its dependencies are taken away, and it needs room.
const LARGE: usize = 1_000;

pub async fn run(workspace: &Workspace, options: &Faults, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let given = options.parts.clone();
    // A second is a second while dependencies are away: the pauses of retries are meant for real ones.
    let clock_scale = given.clock_scale.or(options.has_outages().then_some(1.0));
    let parts = Parts { fault_proxy: true, large: options.is_large(), clock_scale, ..given };
    let (tools, binaries) = cloud::install(workspace, &parts, Some("faults")).await?;
    let running = cloud::start_built(workspace, &options.name, &parts, supervisor, &tools, &binaries).await?;
    let mut command = Command::new(binaries.get("faults")?);
    command.args(options.matrix()).envs(&running.variables).stdin(Stdio::null()).kill_on_drop(true);
    let status = tokio::select! {
        status = command.status() => status.context("starting the matrix")?,
        error = supervisor.first_end() => return Err(error),
    };
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Faults {
    fn is_large(&self) -> bool {
        self.storm.is_some_and(|tenants| tenants >= LARGE)
    }

    fn has_outages(&self) -> bool {
        self.outages || self.is_large()
    }

    /// The options for the program that plays the matrix.
    fn matrix(&self) -> Vec<String> {
        let named = |name: &str, value: Option<String>| value.map(|value| [format!("--{name}"), value]);
        let options = [
            named("step", self.step.map(|step| step.to_string())),
            named("fault", self.fault.clone()),
            named("row", self.row.clone()),
            named("part", self.part.clone()),
            named("seed", Some(self.seed.to_string())),
            named("at-once", Some(self.at_once.to_string())),
            named("storm", self.storm.map(|tenants| tenants.to_string())),
        ];
        let flags = [("--outages", self.has_outages()), ("--red", self.red)];
        let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned());
        options.into_iter().flatten().flatten().chain(flags).collect()
    }
}
