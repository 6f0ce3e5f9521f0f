//! Clients that generators make of `functions/api/openapi.json`, with the commands of the README.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use clients::{Language, Programs};
use e2e::{Cloud, unique};
use tempfile::TempDir;

/// The line of the README that begins like this.
fn of_readme(begins: &str) -> Result<&'static str> {
    let mut lines = include_str!("../../../README.md").lines();
    lines.find(|line| line.starts_with(begins)).with_context(|| format!("the README does not say how to run {begins}"))
}

/// Runs a command of the README where the document is. A generator warns of what it leaves out, and goes on.
async fn generate(programs: &Programs, begins: &str) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    std::os::unix::fs::symlink(functions.canonicalize()?, folder.path().join("functions"))?;
    let said = programs.shell(of_readme(begins)?, folder.path()).await?;
    ensure!(!["warning", "unable", "skipping"].iter().any(|word| said.to_lowercase().contains(word)), "{said}");
    Ok(folder)
}

#[tokio::test]
#[ignore = "needs API_URL, CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn a_generated_python_client_works() -> Result<()> {
    let (cloud, programs) = (Cloud::from_env()?, Programs::from_env()?);
    let folder = generate(&programs, "openapi-python-client ").await?;
    let variables = [
        ("PYTHONPATH", folder.path().display().to_string()),
        ("API_URL", cloud.api_url.clone()),
        ("API_KEY", cloud.admin_key.clone()),
        ("SLUG", unique("generated")),
    ];
    programs.run(Language::Python, include_str!("../python/generated.py"), &variables).await
}

#[tokio::test]
#[ignore = "needs CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn generated_types_hold() -> Result<()> {
    let programs = Programs::from_env()?;
    let folder = generate(&programs, "npx openapi-typescript ").await?;
    std::fs::write(folder.path().join("generated.ts"), include_str!("../node/generated.ts"))?;
    let compile = "npx tsc --noEmit --strict --target es2022 --module preserve generated.ts";
    programs.shell(compile, folder.path()).await.map(drop)
}

/// The console is written in JavaScript, with types in its comments. What it makes of answers is held against the contract.
#[tokio::test]
#[ignore = "needs CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn the_console_takes_answers_for_what_they_are() -> Result<()> {
    let programs = Programs::from_env()?;
    let folder = generate(&programs, "npx openapi-typescript ").await?;
    let page = folder.path().join("page");
    std::fs::create_dir(&page)?;
    for file in std::fs::read_dir(folder.path().join("functions/api/get-console/page"))? {
        let file = file?;
        std::fs::copy(file.path(), page.join(file.file_name()))?;
    }
    std::fs::rename(folder.path().join("ivory-control-plane.ts"), page.join("openapi.ts"))?;
    let check = "npx tsc --noEmit --allowJs --checkJs --strict --target es2022 --module preserve --lib es2023,dom,dom.iterable page/main.js";
    programs.shell(check, folder.path()).await.map(drop)
}
