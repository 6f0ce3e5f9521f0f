//! Calls cargo and reports the progress of its build.

mod build;
mod progress;

pub use build::{Event, LOCAL, build};
pub use progress::{Pace, Progress};
