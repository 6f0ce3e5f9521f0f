//! Calls cargo and reports the progress of its build.

mod build;
mod progress;

pub use build::{Event, build};
pub use progress::{Pace, Progress};
