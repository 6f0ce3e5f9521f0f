//! Calls cargo and tells how far its build is.

mod build;
mod progress;

pub use build::{Event, build};
pub use progress::{Pace, Progress};
