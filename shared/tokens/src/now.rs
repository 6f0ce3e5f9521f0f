//! The time at which a token is verified.

use std::time::{Duration, SystemTime};

/// One moment, since 1970, as tokens count. The age of what was fetched is measured with it too: a monotonic clock may
/// stand still while the process is frozen, and a withdrawn key would be trusted for as long.
#[derive(Clone, Copy, Debug)]
pub struct Now(pub Duration);

impl Now {
    /// The wall clock.
    #[must_use]
    pub fn read() -> Self {
        // A clock before 1970 is treated as the latest possible time, at which no token is valid.
        Self(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX))
    }

    /// How long ago that was. `None`: the clock was set back, so nobody knows.
    #[must_use]
    pub fn since(self, then: Self) -> Option<Duration> {
        self.0.checked_sub(then.0)
    }
}
