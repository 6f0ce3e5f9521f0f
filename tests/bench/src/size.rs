//! What is uploaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::targets::{Kind, Programs, Target};

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// The program, if the package is nothing else.
    pub program: Option<u64>,
    /// The package as it is uploaded: deflated by the library that SAM uses.
    pub package: u64,
    /// Whether AWS's SDK for Rust is in the program.
    #[serde(default)]
    pub has_sdk: bool,
}

/// The crate in which every client of the SDK runs, as its events name it.
const SDK: &[u8] = b"aws_smithy_runtime";

/// Measures what a program is deployed as.
pub async fn of(target: &Target, programs: &Programs) -> Result<Size> {
    let program = match target.kind {
        Kind::Ours | Kind::Floor | Kind::FloorWithoutTls => {
            target.package.first().map(|path| bytes(path)).transpose()?
        }
        Kind::Node | Kind::Python => None,
    };
    let has_sdk = match target.kind {
        Kind::Ours | Kind::Floor | Kind::FloorWithoutTls => {
            target.package.first().map(|path| has_sdk(path)).transpose()?.unwrap_or_default()
        }
        Kind::Node | Kind::Python => false,
    };
    Ok(Size { program, package: zipped(&target.package, programs).await?, has_sdk })
}

/// The same of these functions, by name.
pub async fn of_functions(names: &[String], programs: &Programs) -> Result<BTreeMap<String, Size>> {
    let mut sizes = BTreeMap::new();
    for name in names {
        let program = programs.function(name)?;
        let package = zipped(std::slice::from_ref(&program), programs).await?;
        let size = Size { program: Some(bytes(&program)?), package, has_sdk: has_sdk(&program)? };
        sizes.insert(name.clone(), size);
    }
    Ok(sizes)
}

async fn zipped(content: &[PathBuf], programs: &Programs) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let zip = folder.path().join("package.zip");
    let mut command = Command::new(&programs.python);
    command.args(["-m", "zipfile", "--create"]).arg(&zip).args(content);
    ensure!(command.status().await.context("starting Python")?.success(), "zipping failed");
    Ok(bytes(&zip)?)
}

fn has_sdk(program: &Path) -> std::io::Result<bool> {
    Ok(std::fs::read(program)?.windows(SDK.len()).any(|part| part == SDK))
}

fn bytes(path: &Path) -> std::io::Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}
