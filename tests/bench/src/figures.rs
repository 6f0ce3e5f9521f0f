//! Of many measured values, those that are reported.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a program showed: medians, unless they say something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How often it was started.
    pub starts: usize,
    /// How many warm calls it answered.
    pub calls: usize,
    /// From the start of the program until it asked for its first event.
    pub first_next_ms: f64,
    /// From the start of the program until its first answer.
    pub first_answer_ms: f64,
    /// What the processor did until then, in user and kernel mode.
    pub first_answer_cpu_ms: f64,
    /// From an event to its answer.
    pub warm_p50_us: f64,
    /// The same, at the 99th percentile.
    pub warm_p99_us: f64,
    /// What the processor did for a warm call.
    pub warm_cpu_us: f64,
    /// From an event to its answer if the connection to the database was cut before.
    pub reconnect_ms: f64,
}

/// What was measured of one program, a value for each start or call.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// See [`Figures`].
    pub first_next: Vec<Duration>,
    /// The same.
    pub first_answer: Vec<Duration>,
    /// The same.
    pub first_answer_cpu: Vec<Duration>,
    /// The same.
    pub warm: Vec<Duration>,
    /// For a call, on average over those of one start.
    pub warm_cpu: Vec<Duration>,
    /// See [`Figures`].
    pub reconnect: Vec<Duration>,
    /// The most memory that any of its processes had at once.
    pub peak_memory: u64,
    /// Its first answer.
    pub answer: Vec<u8>,
}

impl Observed {
    /// From each start until the first answer, in microseconds.
    #[must_use]
    pub fn first_answers_us(&self) -> Vec<u32> {
        let us = |took: &Duration| u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.first_answer.iter().map(us).collect()
    }

    /// What is reported of it.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let (ms, us) = (1e3, 1e6);
        Figures {
            starts: self.first_answer.len(),
            calls: self.warm.len(),
            first_next_ms: median(&self.first_next) * ms,
            first_answer_ms: median(&self.first_answer) * ms,
            first_answer_cpu_ms: median(&self.first_answer_cpu) * ms,
            warm_p50_us: median(&self.warm) * us,
            warm_p99_us: in_seconds(&self.warm, 99) * us,
            warm_cpu_us: median(&self.warm_cpu) * us,
            reconnect_ms: median(&self.reconnect) * ms,
        }
    }
}

fn median(values: &[Duration]) -> f64 {
    in_seconds(values, 50)
}

/// [`quantile`] of measured times, in seconds.
pub(crate) fn in_seconds(values: &[Duration], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    quantile(&sorted, percent).map_or(f64::NAN, |value| value.as_secs_f64())
}

/// The smallest value that at least so many percent of all do not exceed. They are sorted.
pub(crate) fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_measured_value() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!([50, 99, 100].map(|percent| quantile(&hundred, percent)), [Some(50), Some(99), Some(100)]);
        assert_eq!(quantile(&[3], 99), Some(3));
        assert_eq!(quantile::<u32>(&[], 50), None);
    }

    #[test]
    fn times_are_sorted_before() {
        let times = [9, 1, 5].map(Duration::from_secs);
        assert!((median(&times) - 5.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
