//! How long a request is tried again.

use std::time::{Duration, Instant};

/// The pause before the first repetition of a request whose answer names none. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause of our own choice.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What is left of the time in which one request is tried again.
#[derive(Debug)]
pub struct Patience {
    end: Instant,
    next: Duration,
}

impl Patience {
    pub fn new(limit: Duration) -> Self {
        Self { end: Instant::now() + limit, next: FIRST_PAUSE }
    }

    /// How long to wait before the next try: what the answer asked for, else a pause that grows. `None` if it would end too
    /// late.
    pub fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let pause = asked.unwrap_or(self.next);
        if asked.is_none() {
            self.next = (2 * self.next).min(LONGEST_PAUSE);
        }
        (Instant::now() + pause <= self.end).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_ours_doubles_and_one_that_was_asked_for_does_not_count() {
        let mut patience = Patience::new(Duration::from_mins(1));
        let seconds = |pause: Option<Duration>| pause.map(|pause| pause.as_secs());
        assert_eq!(seconds(patience.pause(None)), Some(1));
        assert_eq!(seconds(patience.pause(Some(Duration::from_secs(5)))), Some(5));
        assert_eq!([(); 4].map(|()| seconds(patience.pause(None))), [Some(2), Some(4), Some(8), Some(8)]);
    }

    #[test]
    fn what_would_end_too_late_is_not_waited_for() {
        let mut patience = Patience::new(Duration::from_secs(4));
        assert_eq!(patience.pause(Some(Duration::from_secs(5))), None);
        assert_eq!(Patience::new(Duration::ZERO).pause(None), None);
    }
}
