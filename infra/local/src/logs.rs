//! Prints the functions' logs.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::CloudName;
use crate::deployed::Deployed;
use crate::layout::Workspace;
use crate::{python, tools};

pub async fn run(
    workspace: &Workspace,
    cloud: &CloudName,
    follow: bool,
    function: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let deployed = Deployed::load(&workspace.cloud(&cloud.name))?;
    let tools = tools::install(workspace).await?;
    let input = json!({ "access": deployed.access, "stack": deployed.stack, "function": function, "follow": follow });
    python::show(workspace, &tools.python, "logs", &input).await?;
    Ok(ExitCode::SUCCESS)
}
