//! The tools that the local cloud needs besides Rust. They are installed once below `target/local/tools`, pinned and
//! checked by hash.
//!
//! The usual clients (pip, uv, jgo for Maven artifacts) fetch them, with the user's own configuration. A stamp for each
//! part holds the digest of its inputs. While it matches, no network is used.

pub mod checks;
pub mod java;
pub mod languages;
mod pip;
pub mod venv;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ring::digest::{Context as Digest, SHA256};
use tokio::process::Command;

use crate::layout::Workspace;

/// Everything that was installed.
pub struct Tools {
    pub python: venv::Venv,
    pub opensearch: java::OpenSearch,
}

/// Installs what is missing.
pub async fn install(workspace: &Workspace) -> anyhow::Result<Tools> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("the local cloud needs Linux on x86-64: that is what its servers are built for");
    }
    fs::create_dir_all(workspace.tools())?;
    let python = venv::install(workspace).await?;
    let opensearch = java::install(workspace, &python).await?;
    Ok(Tools { python, opensearch })
}

/// The first program of that name in the search path.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether a part was made from exactly these inputs.
struct Stamp {
    file: PathBuf,
    digest: String,
}

impl Stamp {
    fn new(file: PathBuf, inputs: &[PathBuf], extra: &str) -> anyhow::Result<Self> {
        let mut digest = Digest::new(&SHA256);
        for input in inputs {
            digest.update(&fs::read(input).with_context(|| format!("reading {}", input.display()))?);
            digest.update(b"\0");
        }
        digest.update(extra.as_bytes());
        Ok(Self { file, digest: hex::encode(digest.finish()) })
    }

    fn fits(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|found| found == self.digest)
    }

    fn set(&self) -> anyhow::Result<()> {
        fs::write(&self.file, &self.digest).with_context(|| format!("writing {}", self.file.display()))
    }
}

/// Runs an installer without showing its output. The output is shown if it fails.
pub async fn quietly(mut command: Command, what: &str) -> anyhow::Result<String> {
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("starting {what}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{what} failed ({}):\n{}", output.status, String::from_utf8_lossy(&said).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(hex::encode(ring::digest::digest(&SHA256, &content)))
}
