//! `cargo xtask demo`: provisions one tenant, then shows what exists of it in each outside system.

mod evidence;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use crate::api::Api;
use crate::cli::{Demo, Parts};
use crate::cloud::{self, Running};
use crate::layout::Workspace;
use crate::supervisor::Supervisor;

const SLUG: &str = "acme-bank";
const ADMIN_EMAIL: &str = "ada@acme-bank.test";
/// The tenant takes about a minute; a busy machine needs longer.
const PATIENCE: Duration = Duration::from_mins(5);

pub async fn run(workspace: &Workspace, options: &Demo, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    // The demo shows how long things take.
    let parts = Parts { clock_scale: options.parts.clock_scale.or(Some(1.0)), ..options.parts.clone() };
    let running = cloud::start(workspace, &options.name, &parts, supervisor).await?;
    tokio::select! {
        result = show(&running) => result,
        error = supervisor.first_end() => Err(error),
    }
}

async fn show(running: &Running) -> anyhow::Result<ExitCode> {
    let api = Api::new(&running.variables["API_URL"], &running.variables["ADMIN_API_KEY"])?;
    let request = json!({
        "slug": SLUG, "display_name": "Acme Bank", "region": "eu-central-1", "tier": "enterprise",
        "admin_email": ADMIN_EMAIL, "data_residency_verified": true,
    });
    println!("\nPOST /v1/admin/tenants {request}");
    let accepted = api.post("/v1/admin/tenants", &request).await?;
    let poll_url = accepted["poll_url"].as_str().context("the answer has no poll_url")?;
    println!("202 {accepted}\n");
    let state =
        tokio::time::timeout(PATIENCE, watch::until_settled(&api, poll_url)).await.context("no end in sight")??;
    if state != "active" {
        println!("\n{SLUG} is {state}");
        return Ok(ExitCode::FAILURE);
    }
    println!("\n{SLUG} is active. What exists now:");
    let complete = evidence::show(&api, running).await?;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
