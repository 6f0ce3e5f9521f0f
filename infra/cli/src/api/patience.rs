//! How long a request is tried again.

use std::time::{Duration, Instant};

/// The pause before the first repetition of a request. Each further one is twice as long.
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

    /// How long to wait before the next try: as long as the answer asked for, at least a pause of ours that grows. `None` if
    /// it would end too late.
    pub fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let pause = asked.unwrap_or_default().max(self.next);
        if pause == self.next {
            self.next = (2 * self.next).min(LONGEST_PAUSE);
        }
        let again = Instant::now().checked_add(pause)?;
        (again <= self.end).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(pause: Option<Duration>) -> Option<u64> {
        pause.map(|pause| pause.as_secs())
    }

    #[test]
    fn a_pause_of_ours_doubles_and_a_longer_one_is_obeyed() {
        let mut patience = Patience::new(Duration::from_mins(1));
        assert_eq!(seconds(patience.pause(None)), Some(1));
        assert_eq!(seconds(patience.pause(Some(Duration::from_secs(5)))), Some(5));
        assert_eq!(seconds(patience.pause(Some(Duration::ZERO))), Some(2));
        assert_eq!([(); 3].map(|()| seconds(patience.pause(None))), [Some(4), Some(8), Some(8)]);
    }

    #[test]
    fn what_would_end_too_late_is_not_waited_for() {
        let mut patience = Patience::new(Duration::from_secs(4));
        assert_eq!(patience.pause(Some(Duration::from_secs(5))), None);
        assert_eq!(patience.pause(Some(Duration::MAX)), None);
        assert_eq!(Patience::new(Duration::ZERO).pause(None), None);
    }
}
