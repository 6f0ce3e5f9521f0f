//! What provisioning a tenant costs: the nine steps as they are shipped, beside the same steps in Python. The program
//! `bench-pipeline` measures them.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::goals::{Goal, goals};
use crate::numbers::{grouped, number};

/// What was found out of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// When it was measured.
    pub day: String,
    /// The functions of this workspace.
    pub ours: Functions,
    /// The functions of `tests/bench/peers/python/pipeline`.
    pub python: Functions,
}

/// What nine functions showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Functions {
    /// Tenants one after the other, in processes that were there.
    pub alone: Alone,
    /// Tenants at once, in new processes.
    pub fresh: Crowd,
    /// The same, in processes that were there.
    pub warm: Crowd,
}

/// Medians over tenants that were made one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alone {
    /// How many.
    pub tenants: usize,
    /// The nine steps, in order.
    pub steps: Vec<Spent>,
    /// All nine together.
    pub all: Spent,
    /// From the start of the execution to its end, without its waits.
    pub execution_ms: f64,
    /// What the execution entered.
    pub entered: Entered,
}

/// What was spent for a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Invocations.
    pub invocations: f64,
    /// From an event to its answer, over all invocations.
    pub wall_ms: f64,
    /// What the processor did meanwhile for the function.
    pub cpu_ms: f64,
    /// Calls of outside systems, the control database and AWS included.
    pub calls: f64,
    /// The time in which at least one of them was under way.
    pub outside_ms: f64,
    /// Log-ins to databases: a connection, TLS and SCRAM, with what both sides compute for them.
    pub log_ins: f64,
    /// The time in which at least one of them was under way.
    pub log_in_ms: f64,
}

/// The states that an execution entered, each of which costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entered {
    /// Tasks.
    pub tasks: f64,
    /// Choices.
    pub choices: f64,
    /// Waits.
    pub waits: f64,
    /// Tasks that were tried again.
    pub retries: f64,
}

/// What tenants that were made at once cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crowd {
    /// How many.
    pub tenants: usize,
    /// From the first request to the end of the last execution.
    pub seconds: f64,
    /// How many processes were started meanwhile.
    pub processes: usize,
    /// By step: from the start of a process to its first request for an event, if one was started.
    pub init_ms: Vec<Option<f64>>,
    /// By step: what the processor did for a tenant, starts included.
    pub cpu_ms: Vec<f64>,
}

impl Crowd {
    /// What the processor did for a tenant in all nine steps.
    fn cpu(&self) -> f64 {
        self.cpu_ms.iter().sum()
    }

    fn tenants_a_minute(&self) -> f64 {
        f64::from(u32::try_from(self.tenants).unwrap_or(u32::MAX)) * 60.0 / self.seconds
    }
}

impl Entered {
    fn all(&self) -> f64 {
        self.tasks + self.choices + self.waits + self.retries
    }
}

impl Spent {
    /// What would remain if the function did nothing itself.
    fn round_trips(&self) -> f64 {
        self.outside_ms + self.log_in_ms
    }
}

/// The names of the steps.
const STEPS: [&str; 9] = [
    "1 create-environment",
    "2 await-environment",
    "3 migrate-tenant",
    "4 verify-seed",
    "5 invite-admin",
    "6 create-graph",
    "7 create-search-index",
    "8 invalidate-cache",
    "9 activate-tenant",
];

impl Functions {
    /// What `bench-pipeline` wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }
}

impl Pipeline {
    /// Its section, in Markdown.
    pub(crate) fn section(&self, text: &mut String) {
        let Self { day, ours, python } = self;
        let _ = writeln!(
            text,
            "\n### Provisioning a tenant\n\nMedians of {} tenants, one after the other, in processes that were there, {day}:\n",
            ours.alone.tenants
        );
        text.push_str(
            "| step | invocations | function, ms | outside calls | they take, ms | log-ins | they take, ms | processor, ms | init, ms \
             | Python: function, ms | outside calls | they and log-ins take, ms | processor, ms | init, ms |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        let rows = STEPS.into_iter().zip(ours.alone.steps.iter().zip(&python.alone.steps));
        let inits = ours.fresh.init_ms.iter().zip(&python.fresh.init_ms);
        for ((name, (own, peer)), (own_init, peer_init)) in rows.zip(inits) {
            row(text, name, own, *own_init, peer, *peer_init);
        }
        row(text, "all", &ours.alone.all, None, &python.alone.all, None);
        let Entered { tasks, choices, waits, retries } = ours.alone.entered;
        let _ = writeln!(
            text,
            "\nAn execution enters {} states: {} tasks, {} choices, {} waits, and {} tasks again after an error. From its start to its \
             end, without its waits, it takes {} ms, of which all but the functions' time is the emulator's; with Python {} ms.",
            count(ours.alone.entered.all()),
            count(tasks),
            count(choices),
            count(waits),
            count(retries),
            grouped(ours.alone.execution_ms),
            grouped(python.alone.execution_ms)
        );
        let _ = writeln!(
            text,
            "\n{} tenants at once:\n\n| | processor a tenant, ms | processes started | tenants a minute |\n|---|---|---|---|",
            ours.fresh.tenants
        );
        for (name, crowd) in [
            ("ours, new processes", &ours.fresh),
            ("Python, new processes", &python.fresh),
            ("ours, processes that were there", &ours.warm),
            ("Python, processes that were there", &python.warm),
        ] {
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {} |",
                number(crowd.cpu()),
                crowd.processes,
                number(crowd.tenants_a_minute())
            );
        }
        goals(text, "provisioning", self.goals());
    }

    fn goals(&self) -> Vec<Goal> {
        let Self { ours, python, .. } = self;
        let Alone { all, execution_ms, .. } = &ours.alone;
        vec![
            Goal::at_most(
                "the functions' time ≤ 1.5 × the outside round trips",
                all.wall_ms / all.round_trips(),
                1.5,
                " ×",
            ),
            Goal::at_most(
                "the execution's time without waits ≤ 1.5 × the outside round trips, the emulator's time included",
                execution_ms / all.round_trips(),
                1.5,
                " ×",
            ),
            Goal::at_most(
                "many at once, new processes: processor ≤ 1/10 of Python's",
                ours.fresh.cpu() / python.fresh.cpu(),
                0.1,
                " ×",
            ),
            Goal::at_most(
                "many at once, processes that were there: processor ≤ 1/10 of Python's",
                ours.warm.cpu() / python.warm.cpu(),
                0.1,
                " ×",
            ),
        ]
    }
}

fn row(text: &mut String, name: &str, own: &Spent, own_init: Option<f64>, peer: &Spent, peer_init: Option<f64>) {
    let init = |init: Option<f64>| init.map_or_else(|| "–".to_owned(), number);
    let _ = writeln!(
        text,
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        count(own.invocations),
        number(own.wall_ms),
        count(own.calls),
        number(own.outside_ms),
        count(own.log_ins),
        number(own.log_in_ms),
        number(own.cpu_ms),
        init(own_init),
        number(peer.wall_ms),
        count(peer.calls),
        number(peer.round_trips()),
        number(peer.cpu_ms),
        init(peer_init)
    );
}

/// A median of counts is a count, or lies between two.
fn count(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(wall_ms: f64, cpu_ms: f64) -> Functions {
        let spent =
            Spent { invocations: 1.0, wall_ms, cpu_ms, calls: 2.0, outside_ms: 8.0, log_ins: 1.0, log_in_ms: 2.0 };
        let all = Spent { wall_ms: 9.0 * wall_ms, outside_ms: 72.0, log_in_ms: 18.0, ..spent };
        let entered = Entered { tasks: 12.0, choices: 3.0, waits: 2.0, retries: 0.0 };
        let alone = Alone { tenants: 5, steps: vec![spent; 9], all, execution_ms: 400.0, entered };
        let crowd = |processes| Crowd {
            tenants: 100,
            seconds: 30.0,
            processes,
            init_ms: vec![Some(7.0); 9],
            cpu_ms: vec![cpu_ms; 9],
        };
        Functions { alone, fresh: crowd(72), warm: crowd(0) }
    }

    #[test]
    fn a_pipeline_is_held_against_its_round_trips_and_against_python() {
        let pipeline =
            |wall, cpu| Pipeline { day: "a day".to_owned(), ours: functions(wall, cpu), python: functions(60.0, 40.0) };
        let reached = |pipeline: &Pipeline| pipeline.goals().iter().map(Goal::is_reached).collect::<Vec<_>>();
        assert_eq!(reached(&pipeline(14.0, 4.0)), [true, false, true, true]);
        assert_eq!(reached(&pipeline(16.0, 4.1)), [false, false, false, false]);
        let mut text = String::new();
        pipeline(14.0, 4.0).section(&mut text);
        assert!(text.contains("| ours, new processes | 36.0 | 72 | 200 |"), "{text}");
        assert!(text.contains("enters 17 states: 12 tasks, 3 choices, 2 waits, and 0 tasks again"), "{text}");
    }
}
