//! Runs of the pipeline, and purges: starts them, stops them, and takes care of those that show no sign of life.

#![warn(missing_docs)]

mod care;
mod executions;
mod request;

pub use care::{Care, CareError, IDLE, look_after};
pub use executions::{Execution, Purges, Runs, StopRuns};
pub use request::{attend, resumes_at, start};
