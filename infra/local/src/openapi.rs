//! Writes the documents that are made from the code.

use std::process::ExitCode;

use tokio::process::Command;

use crate::compile;
use crate::layout::Workspace;
use crate::tools::quietly;

/// The document's path below the root. `tests/contracts` compares the file with the code.
pub const PATH: &str = "functions/api/openapi.json";

pub async fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    write(workspace, "openapi", PATH).await
}

pub async fn errors(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    write(workspace, "errors", "functions/api/ERRORS.md").await
}

pub async fn configuration(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    write(workspace, "configuration", "infra/CONFIGURATION.md").await
}

async fn write(workspace: &Workspace, program: &str, path: &str) -> anyhow::Result<ExitCode> {
    let built = compile::programs(workspace, "the program that makes the document", &[program]).await?;
    let document = quietly(Command::new(built.get(program)?), program).await?;
    std::fs::write(workspace.root().join(path), document)?;
    println!("{path} is up to date");
    Ok(ExitCode::SUCCESS)
}
