//! The OpenAPI document, written where it is served from.

use std::process::ExitCode;

use tokio::process::Command;

use crate::layout::Workspace;
use crate::tools::quietly;
use crate::{compile, progress};

/// From the root; the program that makes the document knows it too.
pub const PATH: &str = "functions/api/openapi.json";

pub async fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    progress::announce("building the program that makes the document");
    let program = compile::one(workspace, "openapi").await?;
    let document = quietly(Command::new(program), "openapi").await?;
    std::fs::write(workspace.root().join(PATH), document)?;
    println!("{PATH} is up to date");
    Ok(ExitCode::SUCCESS)
}
