//! What the contract tests compare: manifests, the template, the state machine, SQL statements, and the declarations of
//! the functions' types. No test reads Rust source as text.

pub mod configuration;
pub mod errors;
pub mod functions;
pub mod machine;
pub mod openapi;
pub mod runbook;
pub mod template;
pub mod workspace;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The repository's root.
pub fn root() -> Result<PathBuf> {
    // Read when the test runs, so that a compiled test can be run on a copy of the tree.
    let here = std::env::var("CARGO_MANIFEST_DIR").context("run by cargo")?;
    PathBuf::from(here).ancestors().nth(2).map(PathBuf::from).context("tests/contracts is two folders below the root")
}

/// Reads a text file of the repository. The path starts at the root.
pub fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root()?.join(path)).with_context(|| path.to_owned())
}

/// `step-7-create-search-index` → `Step7CreateSearchIndex`.
#[must_use]
pub fn pascal_case(kebab: &str) -> String {
    kebab
        .split('-')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}
