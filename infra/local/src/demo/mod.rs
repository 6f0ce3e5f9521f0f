//! `cargo xtask demo`: provisions one tenant, then shows what exists of it in each outside system.

mod evidence;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::api::Api;
use crate::cli::{Demo, Parts};
use crate::cloud::{self, Running};
use crate::layout::Workspace;
use crate::profile;
use crate::supervisor::Supervisor;

const SLUG: &str = "acme-bank";
const ADMIN_EMAIL: &str = "ada@acme-bank.test";
/// The tenant takes about a minute; a busy machine needs longer.
const PATIENCE: &str = "5m";
/// Here nobody minds a request more.
const POLL: &str = "300ms";

pub async fn run(workspace: &Workspace, options: &Demo, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    // The demo shows how long things take.
    let parts = Parts { clock_scale: options.parts.clock_scale.or(Some(1.0)), ..options.parts.clone() };
    let (running, ivory) = cloud::start(workspace, &options.name, &parts, supervisor).await?;
    tokio::select! {
        result = show(&running, &ivory) => result,
        error = supervisor.first_end() => Err(error),
    }
}

async fn show(running: &Running, ivory: &Path) -> anyhow::Result<ExitCode> {
    let arguments = [
        "tenant",
        "create",
        SLUG,
        "--display-name",
        "Acme Bank",
        "--region",
        "eu-central-1",
        "--tier",
        "enterprise",
        "--admin",
        ADMIN_EMAIL,
        "--residency-verified",
        "--wait",
    ];
    println!("\n$ ivory {}", arguments.map(quoted).join(" "));
    let variables = &running.variables;
    let mut create = profile::command(ivory);
    create.args(arguments).args(["--output", "table", "--poll-every", POLL, "--wait-for", PATIENCE]);
    create.env("IVORY_URL", &variables["API_URL"]).env("IVORY_API_KEY", &variables["ADMIN_API_KEY"]);
    let created = tokio::process::Command::from(create).kill_on_drop(true).status().await.context("running ivory")?;
    if !created.success() {
        return Ok(ExitCode::FAILURE);
    }
    println!("\nWhat exists now:");
    let api = Api::new(&variables["API_URL"], &variables["ADMIN_API_KEY"])?;
    let complete = evidence::show(&api, running).await?;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An argument as a shell needs it.
fn quoted(argument: &str) -> String {
    if argument.contains(' ') { format!("\"{argument}\"") } else { argument.to_owned() }
}
