//! The three kinds of limits. Time is counted from the beginning of the simulation.

use std::time::Duration;

/// So many requests in a window, which begins with its first request. What is refused is refused until the window is over.
#[derive(Clone, Debug)]
pub struct Window {
    limit: u32,
    length: Duration,
    began: Option<Duration>,
    asked: u32,
}

impl Window {
    /// At most `limit` requests in `length`.
    #[must_use]
    pub const fn of(limit: u32, length: Duration) -> Self {
        Self { limit, length, began: None, asked: 0 }
    }

    /// Whether a request is admitted.
    pub fn admits(&mut self, now: Duration) -> bool {
        if self.began.is_none_or(|began| now.saturating_sub(began) >= self.length) {
            (self.began, self.asked) = (Some(now), 0);
        }
        self.asked = self.asked.saturating_add(1);
        self.asked <= self.limit
    }
}

/// A bucket of tokens that is filled at a constant rate. Each request takes one.
#[derive(Clone, Debug)]
pub struct Bucket {
    size: f64,
    per_second: f64,
    left: f64,
    filled_at: Duration,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn of(size: u32, per_second: u32) -> Self {
        Self { size: size.into(), per_second: per_second.into(), left: size.into(), filled_at: Duration::ZERO }
    }

    /// As many a second, and as many at once.
    #[must_use]
    pub fn per_second(limit: u32) -> Self {
        Self::of(limit, limit)
    }

    /// Whether a request is admitted.
    pub fn admits(&mut self, now: Duration) -> bool {
        self.fill(now);
        let admitted = self.left >= 1.0;
        if admitted {
            self.left -= 1.0;
        }
        admitted
    }

    /// How long a request that is not refused but waits has to wait for its token.
    pub fn delay(&mut self, now: Duration) -> Duration {
        self.fill(now);
        self.left -= 1.0;
        Duration::from_secs_f64((-self.left).max(0.0) / self.per_second)
    }

    fn fill(&mut self, now: Duration) {
        let since = now.saturating_sub(self.filled_at).as_secs_f64();
        self.left = self.size.min(self.left + since * self.per_second);
        self.filled_at = now.max(self.filled_at);
    }
}

/// One after the other.
#[derive(Clone, Debug)]
pub struct Line {
    each: Duration,
    free_at: Duration,
}

impl Line {
    /// Each takes this long.
    #[must_use]
    pub const fn of(each: Duration) -> Self {
        Self { each, free_at: Duration::ZERO }
    }

    /// How long a request takes that arrives now.
    pub fn takes(&mut self, now: Duration) -> Duration {
        self.free_at = self.free_at.max(now) + self.each;
        self.free_at.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_window_refuses_until_it_is_over() {
        let mut window = Window::of(2, Duration::from_mins(1));
        let asked = [5_000, 6_000, 7_000, 64_999, 65_000, 65_000, 65_000].map(|millis| window.admits(at(millis)));
        assert_eq!(asked, [true, true, false, false, true, true, false]);
    }

    #[test]
    fn a_bucket_is_filled_up_to_its_size() {
        let mut bucket = Bucket::of(2, 10);
        let asked = [0, 0, 0, 50, 100, 10_000, 10_000, 10_000].map(|millis| bucket.admits(at(millis)));
        assert_eq!(asked, [true, true, false, false, true, true, true, false]);
    }

    #[test]
    fn who_waits_for_a_bucket_waits_in_turn() {
        let mut bucket = Bucket::of(1, 10);
        let delays = [0, 0, 0, 1_000].map(|millis| bucket.delay(at(millis)));
        assert_eq!(delays, [0, 100, 200, 0].map(at));
    }

    #[test]
    fn a_line_serves_one_after_the_other() {
        let mut line = Line::of(at(50));
        assert_eq!([0, 0, 20, 1_000].map(|millis| line.takes(at(millis))), [50, 100, 130, 50].map(at));
    }
}
