//! The audit log's digests and seals, and whether a file of rows fits them. No I/O.
//!
//! A row's digest is the SHA-256 of its content (`row.rs`) as canonical JSON. An address in it counts as a digest of its own, with a salt,
//! so that it can be erased. A row's seal is the SHA-256 of the seal before, the row's number and its digest ([`seal`]). The
//! control database computes digests when rows are written (`V12__audit_chain.sql` of `store`), and the reconciler seals.

#![warn(missing_docs)]

mod anchor;
mod canonical;
mod digest;
mod row;
mod verify;

pub use anchor::{Anchor, NoAnchor};
pub use canonical::canonical;
pub use digest::{Digest, NoDigest, seal};
pub use verify::{Fault, Misfit, Scope, Verified, verify};

use serde_json::{Deserializer, Value};

/// A file that is not made of JSON objects.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON.
    #[error("is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It has something else than objects.
    #[error("has something that is no object, after {0} objects")]
    NoObject(usize),
}

/// The objects in a file: an array of them, as the API answers a page; several such pages; or one object in each line.
pub fn objects(text: &str) -> Result<Vec<Value>, Unreadable> {
    let mut found = Vec::new();
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        match value? {
            Value::Array(page) => found.extend(page),
            value => found.push(value),
        }
    }
    match found.iter().position(|value| !value.is_object()) {
        Some(place) => Err(Unreadable::NoObject(place)),
        None => Ok(found),
    }
}
