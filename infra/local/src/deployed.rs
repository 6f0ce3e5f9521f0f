//! What other commands need to know about a running cloud.

use std::fs;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::deploy::Access;
use crate::jwt::Jwt;
use crate::layout::CloudFolder;

/// What other commands need to know about a running cloud. It is kept in a file that only its owner may read.
#[derive(Serialize, Deserialize)]
pub struct Deployed {
    pub access: Access,
    pub stack: String,
    pub jwt: Jwt,
}

impl Deployed {
    /// Reads what is known about the running cloud.
    pub fn load(folder: &CloudFolder) -> anyhow::Result<Self> {
        let text = fs::read(folder.cloud()).with_context(|| {
            format!("no cloud of the name \"{}\" is ready; `cargo xtask up` starts one", folder.name())
        })?;
        Ok(serde_json::from_slice(&text)?)
    }
}
