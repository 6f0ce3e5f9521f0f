//! `cargo xtask simulate`: many provisionings at once, in virtual time.

use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use tokio::process::Command;

use crate::cli::Simulate;
use crate::compile;
use crate::layout::Workspace;

pub async fn run(workspace: &Workspace, options: &Simulate) -> anyhow::Result<ExitCode> {
    let built = compile::programs(workspace, "the simulation", &["simulate"]).await?;
    let mut command = Command::new(built.get("simulate")?);
    command.arg("--root").arg(workspace.root());
    command.args(["--concurrency", &options.concurrency.to_string(), "--seed", &options.seed.to_string()]);
    command.args(options.tenants.map(|tenants| format!("--tenants={tenants}")));
    if let Some(machine) = &options.machine {
        command.arg("--machine").arg(machine);
    }
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("starting the simulation")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
