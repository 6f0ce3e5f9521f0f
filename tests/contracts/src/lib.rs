//! What the contract tests read: manifests, the template, the state machine, sources. Nothing here builds or runs
//! anything of the product; a contract is broken by a file, and the test names it.

pub mod machine;
pub mod openapi;
pub mod source;
pub mod template;
pub mod workspace;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The repository's root.
pub fn root() -> Result<PathBuf> {
    // Asked for when the test runs, so that a compiled test can be pointed at a copy of the tree.
    let here = std::env::var("CARGO_MANIFEST_DIR").context("run by cargo")?;
    PathBuf::from(here).ancestors().nth(2).map(PathBuf::from).context("tests/contracts is two folders below the root")
}

/// A text file of the repository, by its path from the root.
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
