//! Bearer tokens (JWT): the issuers whose tokens are accepted, their keys, and the rules that a token keeps.
//!
//! There is no I/O here. Published keys are fetched by `callers`, which verifies the tokens of requests; `doctor` and
//! `cargo xtask token check` use the same rules offline.

#![warn(missing_docs)]

mod algorithm;
mod claim;
mod claims;
mod config;
#[cfg(test)]
mod fixtures;
mod issuer;
mod key;
mod now;
mod object;
#[cfg(test)]
mod providers;
mod refusal;
#[cfg(test)]
mod sets;
mod token;

pub use algorithm::Algorithm;
pub use claims::Bearer;
pub use config::{Malformed, Mistake};
pub use issuer::{Address, Issuer, Issuers, Published, reachable};
pub use key::{Key, key_set};
pub use now::Now;
pub use refusal::{Refusal, Rule, Seen};
pub use token::Token;
