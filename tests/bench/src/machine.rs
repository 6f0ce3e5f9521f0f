//! What was measured on.

use std::fs;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its processor.
    pub processor: String,
    /// How many cores of it.
    pub cores: usize,
    /// Whether it has instructions for SHA-256.
    pub has_sha: bool,
    /// How many programs ran on it on average in the minute before. On an idle machine it is near 0.
    pub load_before: f64,
}

impl Machine {
    /// This machine.
    pub fn this() -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let field = |name: &str| {
            let line = processors.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
            line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
        };
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            processor: field("model name").to_owned(),
            cores: available_parallelism()?.get(),
            has_sha: field("flags").split(' ').any(|flag| flag == "sha_ni"),
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).context("/proc/loadavg")?,
        })
    }
}
