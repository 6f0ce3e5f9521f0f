//! The time at which a token is verified.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// One moment, by both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    /// Since 1970, as tokens count.
    pub unix: Duration,
    /// For durations that are measured here.
    pub monotonic: Instant,
}

impl Now {
    pub fn read() -> Self {
        // A clock before 1970 is treated as the latest possible time, at which no token is valid.
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX);
        Self { unix, monotonic: Instant::now() }
    }
}
