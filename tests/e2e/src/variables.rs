//! The variables of `target/local/env`.

use anyhow::{Context as _, Result};

/// A variable of the cloud's env file.
pub(crate) fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; `cargo xtask up` writes it to target/local/env"))
}
