//! FalkorDB: one private graph with its user per tenant.
//!
//! Facts about the commands are from FalkorDB/docs (`commands/{graph.query,graph.ro-query,graph.constraint-create}.md`,
//! `cypher/indexing/range-index.md`) and valkey-io/valkey-doc (`topics/acl.md`, `commands/acl-setuser.md`), and were
//! tried on FalkorDB 4.16.3 in Valkey 9.1.

#![warn(missing_docs)]

mod client;
mod cypher;
mod error;
mod grant;

pub use client::{FalkorDb, Found, GraphSpec, Limits, OPERATION_LIMIT, Rehearsed, Rights};
pub use error::Error;
