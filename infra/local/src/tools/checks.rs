//! What checks the templates, the policies and the documented commands: `aws`, checkov and parliament, in a Python
//! environment of their own, since they need other versions of libraries than the local cloud does.

use std::fs;

use anyhow::Context as _;

use super::Stamp;
use super::venv::{self, Venv};
use crate::layout::Workspace;
use crate::progress;

/// Installs what the lock names, unless it is there already.
pub async fn install(workspace: &Workspace, tools: &Venv) -> anyhow::Result<Venv> {
    let lock = workspace.infra().join("python/checks.lock");
    let root = workspace.tools().join("checks");
    // An environment contains its own path.
    let stamp =
        Stamp::new(workspace.tools().join("checks.stamp"), std::slice::from_ref(&lock), &root.display().to_string())?;
    if !stamp.fits() || !root.join("bin/aws").exists() {
        let step = progress::step("Checks of templates and policies: aws, checkov, parliament");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        venv::of_uv(tools, &root, &lock).await.context("installing the checks")?;
        stamp.set()?;
        step.done("");
    }
    Venv::at(root)
}
