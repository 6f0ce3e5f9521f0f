//! Runs of the pipeline, and purges: starts them, stops them, and takes care of those that show no sign of life.

#![warn(missing_docs)]

mod care;
mod executions;
mod purges;
mod request;

pub use care::{Care, CareError, IDLE, look_after};
pub use executions::{Purges, Runs, StopRuns};
pub use purges::{attend_purge, look_after_purge, start_purge};
pub use request::{attend, start};
