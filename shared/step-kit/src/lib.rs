//! What every step needs, so that a step's file holds only its own work: the envelope `{tenant_id, attempt}`, the lease,
//! the ledger, and errors whose names the state machine matches.
//!
//! ```text
//! pub struct CreateGraph { … }
//!
//! impl step_kit::Work for CreateGraph {
//!     const STEP: Step = Step::CreateGraph;
//!     async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> { … }
//! }
//! ```

mod error;
mod run;
mod serve;

pub use error::StepError;
pub use run::{Outcome, Run};
pub use serve::{BUSY_RETRY, LEASE_MARGIN, POLL, Platform, RATE_LIMITED_RETRY, Work, serve};

/// A setting from the function's environment; the template sets every one of them.
#[must_use]
pub fn setting(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}
