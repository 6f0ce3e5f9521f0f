//! A seal that was written down elsewhere.

use serde_json::Value;

use crate::{Digest, Unreadable, objects};

/// A row's seal, where nobody can change it: it vouches for that row and all before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The row's number.
    pub seq: u64,
    /// The row's seal.
    pub seal: Digest,
}

/// Why something is not an anchor.
#[derive(Debug, thiserror::Error)]
pub enum NoAnchor {
    /// The file has no objects.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// An object has no `seq`, or no `seal`.
    #[error("has an object without a seq and a seal, after {0} anchors")]
    Incomplete(usize),
}

impl Anchor {
    /// The anchors in a file, which may be several files one after the other.
    pub fn read(text: &str) -> Result<Vec<Self>, NoAnchor> {
        let objects = objects(text)?;
        let anchors = objects.iter().enumerate().map(|(n, object)| Self::of(object).ok_or(NoAnchor::Incomplete(n)));
        anchors.collect()
    }

    fn of(object: &Value) -> Option<Self> {
        Some(Self { seq: object["seq"].as_u64()?, seal: object["seal"].as_str()?.parse().ok()? })
    }
}
