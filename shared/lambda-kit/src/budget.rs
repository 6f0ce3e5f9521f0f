//! Time limits that are handed down.

use std::time::{Duration, Instant};

/// The time left for some work. The owner of a budget hands parts of it down, so that a deadline is derived only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    ends: Instant,
}

impl Budget {
    /// A budget that begins now.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self { ends: Instant::now() + time }
    }

    /// The time that is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Whether no time is left.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// A part that ends `rest` earlier, so that this much time is left for the work after it.
    #[must_use]
    pub fn keeping(self, rest: Duration) -> Self {
        Self { ends: self.ends.checked_sub(rest).unwrap_or_else(Instant::now) }
    }

    /// A part that ends within `time` from now.
    #[must_use]
    pub fn at_most(self, time: Duration) -> Self {
        Self { ends: self.ends.min(Instant::now() + time) }
    }

    /// At least `time` from now, even if that is longer than the budget.
    #[must_use]
    pub fn at_least(self, time: Duration) -> Self {
        Self { ends: self.ends.max(Instant::now() + time) }
    }

    /// The result of the work, or `None` if the time was over first. In that case the work is dropped.
    pub async fn spend<T>(self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.ends.into(), work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn parts_end_before_the_whole() {
        let whole = Budget::of(SECOND * 10);
        assert!(whole.keeping(SECOND * 4).left() <= SECOND * 6);
        assert!(whole.at_most(SECOND).left() <= SECOND);
        assert_eq!(whole.at_most(SECOND * 20), whole);
        assert!(whole.keeping(SECOND * 20).is_over());
        assert!(whole.keeping(SECOND * 20).at_least(SECOND).left() > SECOND / 2);
    }

    #[tokio::test]
    async fn work_is_cut_off_at_the_end() {
        assert_eq!(Budget::of(SECOND).spend(async { 1 }).await, Some(1));
        assert_eq!(Budget::of(Duration::from_millis(1)).spend(std::future::pending::<()>()).await, None);
    }
}
