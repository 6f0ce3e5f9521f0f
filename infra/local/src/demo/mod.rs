//! `cargo xtask demo`: provisions one tenant, then shows what exists of it in each outside system.

mod evidence;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::cli::{Demo, Parts};
use crate::cloud::{self, Running};
use crate::layout::Workspace;
use crate::supervisor::Supervisor;

const SLUG: &str = "acme-bank";
const ADMIN_EMAIL: &str = "ada@acme-bank.test";
/// The tenant takes about a minute; a busy machine needs longer.
const PATIENCE: Duration = Duration::from_mins(5);

/// The control plane as an operator sees it.
struct Api {
    http: reqwest::Client,
    url: String,
    key: String,
}

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
    let api = Api::new(running)?;
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

impl Api {
    fn new(running: &Running) -> anyhow::Result<Self> {
        let builder =
            reqwest::Client::builder().tls_backend_preconfigured(tls::client_config(tls::Authorities::PUBLIC)?);
        // Everything is on the loopback, so the user's proxy is ignored.
        let http = builder.no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, url: running.variables["API_URL"].clone(), key: running.variables["ADMIN_API_KEY"].clone() })
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).header("x-api-key", &self.key).json(body);
        answer(request, StatusCode::ACCEPTED).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        answer(self.http.get(format!("{}{path}", self.url)).header("x-api-key", &self.key), StatusCode::OK).await
    }
}

/// Sends a request and reads the JSON of the expected answer.
async fn answer(request: reqwest::RequestBuilder, expected: StatusCode) -> anyhow::Result<Value> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().path().to_owned());
    let text = response.text().await?;
    if status != expected {
        bail!("{url}: {status} {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("{url}: not JSON"))
}
