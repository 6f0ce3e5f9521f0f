//! What proves that a tenant was purged. No I/O.
//!
//! A certificate is JSON: `content` says of each resource what was asked and what the system answered afterwards, and `signature` is
//! an Ed25519 signature of the content as canonical JSON, with the public key in it. Whoever has the file needs nothing of ours to
//! verify it: [`verify`] does so, and so does a page of Python (`verify.py`).

#![warn(missing_docs)]

mod content;
mod key;
mod signed;

pub use content::{Content, Decision, FORMAT, Item};
pub use key::{NoKey, PublicKey, SigningKey};
pub use signed::{Fault, Verified, sign, verify};
