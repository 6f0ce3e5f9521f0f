//! Builds one function and replaces its code in the running cloud, without a deployment.

use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use crate::cli::CloudName;
use crate::deployed::Deployed;
use crate::layout::Workspace;
use crate::tools::venv::Venv;
use crate::{compile, progress, python, tools};

/// What `reload.py` returns.
#[derive(Deserialize)]
pub struct Reloaded {
    function: String,
    bytes: u64,
}

pub async fn run(workspace: &Workspace, cloud: &CloudName, function: &str) -> anyhow::Result<ExitCode> {
    let deployed = Deployed::load(&workspace.cloud(&cloud.name))?;
    let tools = tools::install(workspace).await?;
    let bootstrap = compile::programs(workspace, function, &[function]).await?.get(function)?;
    let step = progress::step("update-function-code");
    let reloaded = put(workspace, &tools.python, &deployed, function, &bootstrap).await?;
    step.done(&format!("{}, {} kB packed", reloaded.function, reloaded.bytes / 1000));
    Ok(ExitCode::SUCCESS)
}

/// Puts a program into a deployed function. Its next call starts a new process.
pub async fn put(
    workspace: &Workspace,
    python: &Venv,
    deployed: &Deployed,
    function: &str,
    bootstrap: &Path,
) -> anyhow::Result<Reloaded> {
    let input =
        json!({ "access": deployed.access, "stack": deployed.stack, "function": function, "bootstrap": bootstrap });
    python::call(workspace, python, "reload", &input).await
}
