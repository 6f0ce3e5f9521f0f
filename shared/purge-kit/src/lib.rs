//! What every step of a purge needs around its own work: the task's envelope, the tenant's lease, and what is written down of each
//! resource. A step's errors have the names that a step of the pipeline gives them.
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

mod serve;
mod thing;

pub use serve::{Declared, Work, serve};
pub use store::{PurgeLease, PurgeStepOutcome};
pub use thing::Thing;
