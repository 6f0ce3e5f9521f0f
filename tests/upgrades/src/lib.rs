//! What earlier releases wrote, in a folder of `releases/` for each: inputs of executions and tasks, the definition that running
//! executions keep, secrets, rows. Today's code has to read all of it: a deployment switches the functions of runs that go on,
//! and what is stored stays as it was written.
//!
//! A release that changes one of these forms adds a folder with the forms that it ends. A folder is never changed.

#![warn(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The folders of all releases.
pub fn releases() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases");
    let releases = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    ensure!(!releases.is_empty(), "{} is empty", folder.display());
    Ok(releases)
}

/// A release's file, as text.
pub fn text(release: &Path, name: &str) -> Result<String> {
    let path = release.join(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// A release's file, as JSON.
pub fn json(release: &Path, name: &str) -> Result<Value> {
    serde_json::from_str(&text(release, name)?).with_context(|| format!("{} in {}", name, release.display()))
}
