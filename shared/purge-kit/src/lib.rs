//! What every step of a purge needs beside what [`step_kit`] gives every step: what is written down of each resource.
//!
//! For each resource that a step ends, it asks whether it is the tenant's, asks for its end, and asks what became of it:
//! ```text
//! let graph = Thing::of(lease, PurgedKind::Graph, name);
//! match falkordb.look(…).await? {
//!     Found::Foreign => return Err(graph.foreign("The graph")),
//!     Found::Ours => { lease.fence(…).await?; falkordb.delete_graph(…).await? }
//!     Found::Nothing => {}
//! }
//! graph.gone("no such graph").await
//! ```

#![warn(missing_docs)]

mod thing;

pub use step_kit::{Outcome, PurgeLease, Work, serve};
pub use thing::Thing;
