//! What every step of the pipeline and of a purge needs around its own work: the task's envelope, the tenant's lease,
//! completion, the error names that the state machines match, and how they record that a run failed.
//!
//! A step's function contains only its own work:
//! ```text
//! needs! {
//!     pub struct CreateGraph { regions: Read<RegionSecret>, tenants: Read<TenantSecret> }
//! }
//!
//! impl Work for CreateGraph {
//!     type Step = Step;
//!     const STEP: Step = Step::CreateGraph;
//!     async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> { … }
//! }
//! ```
//! Every step needs the control database, so [`Declared`] adds it.

#![warn(missing_docs)]

mod ending;
mod error;
mod record;
mod serve;
mod task;

pub use ending::Ending;
pub use error::StepError;
pub use record::{FailedRun, Recorded, not_recorded};
pub use serve::{BUSY_RETRY, Declared, RATE_LIMITED_RETRY, Work, serve};
pub use store::{Effect, Outcome};
pub use task::{Lease, PurgeLease, Task};
