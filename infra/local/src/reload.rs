//! Builds one function and replaces its code in the running cloud, without a deployment.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use crate::cli::CloudName;
use crate::deployed::Deployed;
use crate::layout::Workspace;
use crate::{compile, progress, python, tools};

#[derive(Deserialize)]
struct Reloaded {
    function: String,
    bytes: u64,
}

pub async fn run(workspace: &Workspace, cloud: &CloudName, function: &str) -> anyhow::Result<ExitCode> {
    let deployed = Deployed::load(&workspace.cloud(&cloud.name))?;
    let tools = tools::install(workspace).await?;
    let bootstrap = compile::programs(workspace, function, &[function]).await?.get(function)?;
    let step = progress::step("update-function-code");
    let input =
        json!({ "access": deployed.access, "stack": deployed.stack, "function": function, "bootstrap": bootstrap });
    let reloaded: Reloaded = python::call(workspace, &tools.python, "reload", &input).await?;
    step.done(&format!("{}, {} kB packed", reloaded.function, reloaded.bytes / 1000));
    Ok(ExitCode::SUCCESS)
}
