//! `cargo xtask bench`: functions beside the same work in other languages, with a Postgres of their own; or the whole pipeline in a
//! local cloud; or the builds.

mod pipeline;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::Context as _;
use tokio::process::Command;

use crate::cli::{Also, Bench, Instead, Parts};
use crate::compile::{self, Binaries};
use crate::credentials::Credentials;
use crate::layout::Workspace;
use crate::services::{Ports, Site, postgres};
use crate::supervisor::Supervisor;
use crate::tools::languages::{self, PEERS};
use crate::{progress, staging, tools};

/// The functions that are measured.
const FUNCTIONS: [&str; 2] = ["get-tenant", "list-tenants"];

/// What is measured, and what measures.
struct Programs {
    /// The folder of the functions' programs.
    functions: PathBuf,
    bench: PathBuf,
}

pub async fn run(workspace: &Workspace, options: &Bench, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    match options.instead {
        Some(Instead::Pipeline) => pipeline::run(workspace, options, supervisor).await,
        Some(Instead::Builds) => {
            let bench = compile::programs(workspace, "what measures the builds", &["bench"]).await?.get("bench")?;
            let mut command = Command::new(bench);
            command.arg("builds").env("BENCH_ROOT", workspace.root()).stdin(Stdio::null()).kill_on_drop(true);
            Ok(exit(command.status().await.context("starting the measurement")?))
        }
        None => functions(workspace, options, supervisor).await,
    }
}

fn exit(status: ExitStatus) -> ExitCode {
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn functions(workspace: &Workspace, options: &Bench, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let packages = if options.also.contains(&Also::Packages) { staging::deployed(workspace)? } else { BTreeSet::new() };
    let programs = programs(workspace, options, &packages).await?;
    let tools = tools::install(workspace).await?;
    let peers = languages::install(workspace, &tools.python, &PEERS).await?;

    let folder = &workspace.cloud(Bench::CLOUD);
    folder.clear()?;
    let (credentials, parts, binaries) = (&Credentials::generate(), &Parts::default(), &Binaries::default());
    let tools = &tools;
    let site = Site { workspace, folder, tools, binaries, parts, credentials, supervisor, ports: Ports::choose()? };
    let step = progress::step("Postgres");
    let authority = postgres::start_alone(&site).await?;
    step.done("");

    let mut command = Command::new(&programs.bench);
    command.args(["--memory", &options.memory.to_string()]).args(options.quick.then_some("--quick"));
    command.args(options.also.contains(&Also::Memories).then_some("--memories"));
    command.args(packages.iter().map(|name| format!("--packages={name}")));
    let url = format!("postgresql://postgres:{}@127.0.0.1:{}/postgres", credentials.postgres, site.ports.postgres);
    command.env("TEST_POSTGRES_URL", url).env("POSTGRES_CA_FILE", authority);
    command.env("BENCH_ROOT", workspace.root()).env("BENCH_FUNCTIONS", &programs.functions);
    command.env("BENCH_PYTHON", &peers.python).env("BENCH_NODE", &peers.node);
    command.env("BENCH_NODE_MODULES", &peers.node_modules).stdin(Stdio::null()).kill_on_drop(true);
    let status = tokio::select! {
        status = command.status() => status.context("starting the measurement")?,
        error = supervisor.first_end() => return Err(error),
    };
    Ok(exit(status))
}

/// The functions are built by themselves: together with the bench, their dependencies would have its features too.
async fn programs(workspace: &Workspace, options: &Bench, packages: &BTreeSet<String>) -> anyhow::Result<Programs> {
    let (functions, bench) = if options.no_build {
        let built = Binaries::of_last_release(workspace)?;
        (built.get(FUNCTIONS[0])?, built.get("bench")?)
    } else {
        let names: BTreeSet<_> = FUNCTIONS.into_iter().chain(packages.iter().map(String::as_str)).collect();
        let names: Vec<_> = names.into_iter().collect();
        let functions = compile::shipped(workspace, &names).await?;
        let bench = compile::optimised(workspace, "what measures them", "bench").await?;
        (functions.get(FUNCTIONS[0])?, bench.get("bench")?)
    };
    Ok(Programs { functions: functions.parent().context("a program has no folder")?.to_owned(), bench })
}
