//! The definition of a state machine, as far as the pipeline's uses the language.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::Step;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::Deserialize;

/// A definition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Machine {
    /// The first state.
    pub start_at: String,
    /// How long an execution may take, in seconds.
    pub timeout_seconds: u64,
    /// All states.
    pub states: BTreeMap<String, State>,
}

/// A state.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "Type")]
pub enum State {
    /// A function is invoked.
    Task(Task),
    /// One of two ways.
    Choice(Choice),
    /// A pause.
    #[serde(rename_all = "PascalCase")]
    Wait {
        /// How long.
        seconds: u64,
        /// The state after it.
        next: String,
    },
    /// The execution has failed.
    Fail {},
}

/// A function is invoked.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    parameters: Parameters,
    /// Where its output is put.
    pub result_path: Option<String>,
    retry: Vec<Retrier>,
    catch: Vec<Catcher>,
    /// The state after it. Without one, the execution has succeeded.
    pub next: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    function_name: String,
}

/// One of two ways.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Choice {
    choices: [Rule; 1],
    default: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    variable: String,
    boolean_equals: bool,
    next: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Retrier {
    error_equals: Vec<String>,
    #[serde(default = "one")]
    interval_seconds: u32,
    #[serde(default = "three")]
    max_attempts: u32,
    #[serde(default = "two")]
    backoff_rate: f64,
    #[serde(default = "far")]
    max_delay_seconds: u32,
    jitter_strategy: Option<Jitter>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Jitter {
    Full,
    None,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Catcher {
    error_equals: Vec<String>,
    next: String,
}

/// The language's defaults.
const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}

const fn two() -> f64 {
    2.0
}

/// The longest pause that the language allows: 100 years.
const fn far() -> u32 {
    3_155_760_000
}

/// Everything but what names itself otherwise.
const ALL: &str = "States.ALL";

fn names(error_equals: &[String], error: &str) -> bool {
    error_equals.iter().any(|name| name == error || name == ALL)
}

/// How often each retrier of a state was used since the state was entered.
pub type Tries = Vec<u32>;

impl Machine {
    /// The definition in a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// One state.
    pub fn state(&self, name: &str) -> Result<&State> {
        self.states.get(name).with_context(|| format!("no state {name}"))
    }
}

impl Task {
    /// The step whose function is invoked; `None`: it is another function.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let number = self.parameters.function_name.strip_prefix("${Step")?.get(..1)?;
        Step::from_number(number.parse().ok()?)
    }

    /// The pause before the next try after this error; `None`: there is none.
    pub fn retried_after(&self, error: &str, tries: &mut Tries, lot: &mut StdRng) -> Option<Duration> {
        let place = self.retry.iter().position(|retrier| names(&retrier.error_equals, error))?;
        tries.resize(self.retry.len(), 0);
        let (retrier, count) = (&self.retry[place], &mut tries[place]);
        if *count == retrier.max_attempts {
            return None;
        }
        let grown = f64::from(retrier.interval_seconds) * retrier.backoff_rate.powf(f64::from(*count));
        let pause = grown.min(f64::from(retrier.max_delay_seconds));
        *count += 1;
        let share = match retrier.jitter_strategy {
            Some(Jitter::Full) => lot.random::<f64>(),
            Some(Jitter::None) | None => 1.0,
        };
        Some(Duration::from_secs_f64(pause * share))
    }

    /// The state after an error that is not retried; `None`: the execution has failed.
    #[must_use]
    pub fn caught(&self, error: &str) -> Option<&str> {
        self.catch.iter().find(|catcher| names(&catcher.error_equals, error)).map(|catcher| catcher.next.as_str())
    }
}

impl Choice {
    /// The next state after a task whose output at `path` says whether it is ready.
    pub fn next(&self, path: &str, ready: bool) -> Result<&str> {
        let [Rule { variable, boolean_equals, next }] = &self.choices;
        let asked = variable.strip_suffix(".ready").filter(|asked| *asked == path);
        asked.with_context(|| format!("{variable} is not what the task before says"))?;
        Ok(if ready == *boolean_equals { next } else { &self.default })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use serde_json::json;

    use super::*;

    fn task() -> Task {
        serde_json::from_value(json!({
            "Parameters": { "FunctionName": "${Step6CreateGraphFunction}" },
            "Retry": [
                { "ErrorEquals": ["A"], "MaxAttempts": 0 },
                { "ErrorEquals": ["B"], "IntervalSeconds": 5, "MaxAttempts": 2, "BackoffRate": 3.0, "MaxDelaySeconds": 12 },
                { "ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL" },
            ],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Sorry" }],
        }))
        .expect("a task")
    }

    #[test]
    fn retries_are_those_of_the_language() {
        let (task, mut tries, mut lot) = (task(), Tries::new(), StdRng::seed_from_u64(1));
        let mut pause = |error: &str| task.retried_after(error, &mut tries, &mut lot);
        assert_eq!(pause("A"), None);
        assert_eq!([pause("B"), pause("B"), pause("B")].map(|it| it.map(|it| it.as_secs())), [Some(5), Some(12), None]);
        let others = [pause("C"), pause("D"), pause("C"), pause("C")];
        for (longest, pause) in [1, 2, 4].into_iter().zip(&others) {
            assert!(pause.is_some_and(|pause| pause < Duration::from_secs(longest)), "{others:?}");
        }
        assert_eq!(others[3], None);
        assert_eq!((task.step(), task.caught("C")), (Some(Step::CreateGraph), Some("Sorry")));
    }

    #[test]
    fn a_choice_asks_for_the_task_before() {
        let choice = json!({
            "Choices": [{ "Variable": "$.environment.ready", "BooleanEquals": true, "Next": "On" }], "Default": "Wait",
        });
        let choice: Choice = serde_json::from_value(choice).expect("a choice");
        assert_eq!(choice.next("$.environment", true).expect("a way"), "On");
        assert_eq!(choice.next("$.environment", false).expect("a way"), "Wait");
        assert!(choice.next("$.invitation", true).is_err());
    }
}
