//! What has to be reached, and whether it is.

use std::fmt::Write as _;

use crate::figures::quantile;
use crate::numbers::number;

/// What has to be reached, in words, the figure, and whether it is reached.
pub(crate) struct Goal {
    words: &'static str,
    figure: String,
    reached: bool,
}

impl Goal {
    pub(crate) fn at_most(words: &'static str, value: f64, limit: f64, unit: &str) -> Self {
        Self { words, figure: number(value) + unit, reached: value <= limit }
    }

    pub(crate) const fn of(words: &'static str, figure: String, reached: bool) -> Self {
        Self { words, figure, reached }
    }

    #[cfg(test)]
    pub(crate) const fn words(&self) -> &'static str {
        self.words
    }

    #[cfg(test)]
    pub(crate) const fn is_reached(&self) -> bool {
        self.reached
    }
}

/// The table of goals.
pub(crate) fn goals(text: &mut String, what: &str, goals: Vec<Goal>) {
    let _ = writeln!(text, "\n### Goals of {what}\n\n| goal | this run | |\n|---|---|---|");
    for Goal { words, figure, reached } in goals {
        let _ = writeln!(text, "| {words} | {figure} | {} |", if reached { "reached" } else { "**missed**" });
    }
}

/// How many times as long something takes.
pub(crate) struct Times {
    median: f64,
    /// Half of all pairs are between these.
    quartiles: [f64; 2],
}

impl Times {
    /// Compares each value with the other's of the same turn.
    pub(crate) fn of_turns(own: &[u32], others: &[u32]) -> Self {
        let pairs = own.iter().zip(others);
        let mut all: Vec<f64> = pairs.map(|(&own, &other)| f64::from(own) / f64::from(other)).collect();
        all.sort_by(f64::total_cmp);
        let of = |percent| quantile(&all, percent).unwrap_or(f64::NAN);
        Self { median: of(50), quartiles: [of(25), of(75)] }
    }

    pub(crate) fn at_most(&self, words: &'static str, limit: f64) -> Goal {
        Goal::of(words, self.words(), self.median <= limit)
    }

    pub(crate) fn at_least(&self, words: &'static str, limit: f64) -> Goal {
        Goal::of(words, self.words(), self.median >= limit)
    }

    fn words(&self) -> String {
        let [lower, upper] = self.quartiles.map(number);
        format!("{} × (half of all turns: {lower} to {upper})", number(self.median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_compared_turn_by_turn() {
        // The machine was slower in the first two turns.
        let times = Times::of_turns(&[4000, 6000, 1000, 1500], &[2000, 2000, 500, 500]);
        assert_eq!(times.words(), "2.00 × (half of all turns: 2.00 to 3.00)");
        assert!(Times::of_turns(&[], &[]).median.is_nan());
    }
}
