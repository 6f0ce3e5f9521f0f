//! What every step needs around its own work: the task's envelope, the tenant's lease, completion, and the error names
//! that the state machine matches.
//!
//! A step's function contains only its own work:
//! ```text
//! needs! {
//!     pub struct CreateGraph { regions: Read<RegionSecret>, tenants: Read<TenantSecret> }
//! }
//!
//! impl Work for CreateGraph {
//!     const STEP: Step = Step::CreateGraph;
//!     async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> { … }
//! }
//! ```
//! Every step needs the control database, so [`Declared`] adds it.

#![warn(missing_docs)]

mod ending;
mod error;
mod serve;

pub use ending::Ending;
pub use error::StepError;
pub use serve::{BUSY_RETRY, Declared, FAREWELL, RATE_LIMITED_RETRY, Work, retry_in, serve};
pub use store::{Effect, Lease, Outcome};
