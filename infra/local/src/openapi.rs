//! Writes the OpenAPI document.

use std::process::ExitCode;

use tokio::process::Command;

use crate::compile;
use crate::layout::Workspace;
use crate::tools::quietly;

/// The document's path below the root. `tests/contracts` compares the file with the code.
pub const PATH: &str = "functions/api/openapi.json";

pub async fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let program =
        compile::programs(workspace, "the program that makes the document", &["openapi"]).await?.get("openapi")?;
    let document = quietly(Command::new(program), "openapi").await?;
    std::fs::write(workspace.root().join(PATH), document)?;
    println!("{PATH} is up to date");
    Ok(ExitCode::SUCCESS)
}
