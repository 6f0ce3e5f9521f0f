//! The documents that are made from the code, written into their places.

use std::process::ExitCode;

use tokio::process::Command;

use crate::layout::Workspace;
use crate::tools::quietly;
use crate::{compile, progress};

/// From the root; the program that makes the document knows it too.
pub const PATH: &str = "functions/api/openapi.json";

pub async fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    write(workspace, "openapi", PATH).await
}

pub async fn errors(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    write(workspace, "errors", "functions/api/ERRORS.md").await
}

async fn write(workspace: &Workspace, program: &str, path: &str) -> anyhow::Result<ExitCode> {
    progress::announce("building the program that makes the document");
    let document = quietly(Command::new(compile::one(workspace, program).await?), program).await?;
    std::fs::write(workspace.root().join(path), document)?;
    println!("{path} is up to date");
    Ok(ExitCode::SUCCESS)
}
