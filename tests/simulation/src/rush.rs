//! Many provisionings that begin at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::{FailureKind, Step};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::assumed;
use crate::calls::{Awaited, Calls, Made, Next, Walk};
use crate::machine::{Machine, State, Task, Tries};
use crate::outside::{Answer, Limit, Outside};

/// What Lambda answers where no invocation more may run.
const TOO_MANY_INVOCATIONS: &str = "Lambda.TooManyRequestsException";

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many tenants are made at once.
    pub tenants: u32,
    /// How many invocations the account may have at the same time.
    pub concurrency: u32,
    /// Decides what is drawn by lot. With one seed, the outcome is always the same.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long each tenant that went live took, the shortest first.
    pub active: Vec<Duration>,
    /// How many runs failed.
    pub failed: u32,
    /// How often each limit refused a call.
    pub refused: BTreeMap<Limit, u32>,
    /// How long all tenants together waited because of each limit.
    pub waited: BTreeMap<Limit, Duration>,
    /// How often a step was tried again.
    pub retries: u32,
    /// How often a state was entered.
    pub transitions: u32,
    /// The most invocations at the same time.
    pub invocations: u32,
}

impl Outcome {
    /// The time within which this share of the tenants that went live did so.
    #[must_use]
    pub fn within(&self, percent: usize) -> Duration {
        let place = (self.active.len() * percent).div_ceil(100).saturating_sub(1);
        self.active.get(place).copied().unwrap_or_default()
    }

    /// The limit that cost most time, and how much it cost.
    #[must_use]
    pub fn bound(&self) -> Option<(Limit, Duration)> {
        self.waited.iter().map(|(limit, waited)| (*limit, *waited)).max_by_key(|(_, waited)| *waited)
    }
}

/// Simulates it.
pub fn simulate(machine: &Machine, calls: &Calls, setting: Setting) -> Result<Outcome> {
    let mut rush = Rush {
        machine,
        calls,
        concurrency: setting.concurrency,
        lot: StdRng::seed_from_u64(setting.seed),
        outside: Outside::default(),
        due: BinaryHeap::new(),
        sequence: 0,
        busy: 0,
        idle: BTreeMap::new(),
        outcome: Outcome::default(),
    };
    let mut runs: Vec<Run<'_>> = (0..setting.tenants).map(|_| Run::new(calls)).collect();
    for run in 0..runs.len() {
        let delay = rush.outside.starts.delay(Duration::ZERO);
        rush.waits(Limit::Starts, delay);
        rush.at(delay, run, Event::Entered(&machine.start_at, false));
    }
    while let Some(Reverse(Due { at, run, event, .. })) = rush.due.pop() {
        let happened = rush.happens(&mut runs[run], run, event, at);
        happened.with_context(|| format!("in the state {}", runs[run].state))?;
    }
    rush.outcome.active.sort_unstable();
    Ok(rush.outcome)
}

/// One tenant's run.
struct Run<'a> {
    state: &'a str,
    tries: Tries,
    made: Made,
    walk: Walk<'a>,
    /// How often the client has sent the call that comes next.
    sent: u32,
    /// What the last task said.
    ready: bool,
    /// Where the last task's output was put.
    said_at: &'a str,
    healthy_at: Duration,
    configured_at: Duration,
}

impl<'a> Run<'a> {
    fn new(calls: &'a Calls) -> Self {
        Self {
            state: "",
            tries: Tries::new(),
            made: Made::new(),
            walk: calls.walk(Step::CreateEnvironment),
            sent: 0,
            ready: false,
            said_at: "",
            healthy_at: Duration::MAX,
            configured_at: Duration::MAX,
        }
    }

    fn is_there(&self, awaited: Awaited, now: Duration) -> bool {
        now >= match awaited {
            Awaited::Project => self.healthy_at,
            Awaited::Services => self.healthy_at.saturating_add(assumed::SERVICES),
            Awaited::AuthConfiguration => self.configured_at,
        }
    }
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event<'a> {
    /// It enters a state. The flag: to try it again.
    Entered(&'a str, bool),
    /// It is in its state.
    Acts,
    /// An invocation goes on with its next call.
    Calls,
    /// An invocation ends well.
    Returns,
    /// An invocation fails because of a limit.
    Fails(Limit, &'static str),
}

/// An event of a run. Events of one time happen in the order in which they were planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due<'a> {
    at: Duration,
    sequence: u64,
    run: usize,
    event: Event<'a>,
}

struct Rush<'a> {
    machine: &'a Machine,
    calls: &'a Calls,
    concurrency: u32,
    lot: StdRng,
    outside: Outside<'a>,
    due: BinaryHeap<Reverse<Due<'a>>>,
    sequence: u64,
    /// How many invocations run.
    busy: u32,
    /// The processes of each step that wait for an invocation.
    idle: BTreeMap<Option<Step>, u32>,
    outcome: Outcome,
}

impl<'a> Rush<'a> {
    fn at(&mut self, at: Duration, run: usize, event: Event<'a>) {
        self.sequence += 1;
        self.due.push(Reverse(Due { at, sequence: self.sequence, run, event }));
    }

    fn waits(&mut self, limit: Limit, pause: Duration) {
        if pause > Duration::ZERO {
            *self.outcome.waited.entry(limit).or_default() += pause;
        }
    }

    fn happens(&mut self, run: &mut Run<'a>, number: usize, event: Event<'a>, now: Duration) -> Result<()> {
        match event {
            Event::Entered(state, again) => self.enters(run, number, state, again, now),
            Event::Acts => return self.acts(run, number, now),
            Event::Calls => self.goes_on(run, number, now),
            Event::Returns => {
                let task = self.leaves(run)?;
                match &task.next {
                    Some(next) => self.enters(run, number, next, false, now),
                    None => self.outcome.active.push(now),
                }
            }
            Event::Fails(limit, error) => {
                let task = self.leaves(run)?;
                self.fails(run, number, task, limit, error, now);
            }
        }
        Ok(())
    }

    fn enters(&mut self, run: &mut Run<'a>, number: usize, state: &'a str, again: bool, now: Duration) {
        if now > Duration::from_secs(self.machine.timeout_seconds) {
            self.outcome.failed += 1;
            return;
        }
        run.state = state;
        if !again {
            run.tries.clear();
        }
        self.outcome.transitions += 1;
        let delay = self.outside.transitions.delay(now);
        self.waits(Limit::Transitions, delay);
        self.at(now + delay, number, Event::Acts);
    }

    fn acts(&mut self, run: &mut Run<'a>, number: usize, now: Duration) -> Result<()> {
        match self.machine.state(run.state)? {
            State::Task(task) => self.invokes(run, number, task, now),
            State::Choice(choice) => {
                let next = choice.next(run.said_at, run.ready)?;
                self.enters(run, number, next, false, now);
            }
            State::Wait { seconds, next } => {
                self.at(now + Duration::from_secs(*seconds), number, Event::Entered(next, false));
            }
            State::Fail {} => self.outcome.failed += 1,
        }
        Ok(())
    }

    fn invokes(&mut self, run: &mut Run<'a>, number: usize, task: &'a Task, now: Duration) {
        if self.busy >= self.concurrency {
            *self.outcome.refused.entry(Limit::Concurrency).or_default() += 1;
            return self.fails(run, number, task, Limit::Concurrency, TOO_MANY_INVOCATIONS, now);
        }
        self.busy += 1;
        self.outcome.invocations = self.outcome.invocations.max(self.busy);
        let step = task.step();
        let mut takes = assumed::OWN_WORK;
        match self.idle.entry(step).or_default() {
            0 => takes += assumed::COLD_START,
            idle => *idle -= 1,
        }
        if step == Some(Step::MigrateTenant) {
            takes += assumed::MIGRATIONS;
        }
        run.sent = 0;
        let begins = match step {
            Some(step) => {
                run.walk = self.calls.walk(step);
                Event::Calls
            }
            None => Event::Returns,
        };
        self.at(now + takes, number, begins);
    }

    /// An invocation makes its next call, or ends.
    fn goes_on(&mut self, run: &mut Run<'a>, number: usize, now: Duration) {
        let call = loop {
            match run.walk.next(&run.made) {
                Next::Call(call) => break call,
                Next::Wait(awaited) if run.is_there(awaited, now) => run.walk.goes_on(&mut run.made),
                Next::Wait(_) => {
                    run.ready = false;
                    return self.at(now, number, Event::Returns);
                }
                Next::Done => {
                    run.ready = true;
                    return self.at(now, number, Event::Returns);
                }
            }
        };
        match self.outside.call(call, number, run.sent, now) {
            Answer::Done(takes) => {
                match call.operation.as_str() {
                    "POST /v1/projects" => {
                        let varies = assumed::PROJECT_VARIES.mul_f64(self.lot.random());
                        run.healthy_at = now + assumed::PROJECT_AT_LEAST + varies;
                    }
                    "PATCH /v1/projects/{ref}/config/auth" => run.configured_at = now + assumed::CONFIGURATION,
                    _ => {}
                }
                run.walk.goes_on(&mut run.made);
                run.sent = 0;
                self.at(now + takes, number, Event::Calls);
            }
            Answer::CalledAgain(limit, within) => {
                *self.outcome.refused.entry(limit).or_default() += 1;
                let pause = within.mul_f64(self.lot.random());
                self.waits(limit, pause);
                run.sent += 1;
                self.at(now + pause, number, Event::Calls);
            }
            Answer::Failed(limit, kind, takes) => {
                if kind == FailureKind::RateLimited {
                    *self.outcome.refused.entry(limit).or_default() += 1;
                }
                self.at(now + takes, number, Event::Fails(limit, kind.error_name()));
            }
        }
    }

    /// An invocation has ended. Its process waits for another one.
    fn leaves(&mut self, run: &mut Run<'a>) -> Result<&'a Task> {
        let State::Task(task) = self.machine.state(run.state)? else { anyhow::bail!("no task has ended") };
        self.busy -= 1;
        *self.idle.entry(task.step()).or_default() += 1;
        run.said_at = task.result_path.as_deref().unwrap_or_default();
        Ok(task)
    }

    fn fails(
        &mut self,
        run: &mut Run<'a>,
        number: usize,
        task: &'a Task,
        limit: Limit,
        error: &'static str,
        now: Duration,
    ) {
        if let Some(pause) = task.retried_after(error, &mut run.tries, &mut self.lot) {
            self.outcome.retries += 1;
            self.waits(limit, pause);
            return self.at(now + pause, number, Event::Entered(run.state, true));
        }
        match task.caught(error) {
            Some(next) => self.enters(run, number, next, false, now),
            None => self.outcome.failed += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn machine() -> Machine {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Machine::read(&root.join("statemachine/provision-tenant.asl.json")).expect("a definition")
    }

    fn outcome(machine: &Machine, tenants: u32, concurrency: u32) -> Outcome {
        let calls = Calls::load().expect("calls");
        simulate(machine, &calls, Setting { tenants, concurrency, seed: 1 }).expect("an outcome")
    }

    #[test]
    fn one_tenant_meets_no_limit() {
        let one = outcome(&machine(), 1, 1_000);
        assert_eq!((one.active.len(), one.failed, one.retries, one.invocations), (1, 0, 0, 1));
        assert!(one.refused.is_empty() && one.waited.is_empty(), "{one:?}");
        let at_least = assumed::PROJECT_AT_LEAST + assumed::SERVICES;
        assert!(one.active[0] > at_least && one.active[0] < at_least + Duration::from_mins(4), "{one:?}");
    }

    #[test]
    fn nobody_is_lost() {
        for (tenants, concurrency) in [(100, 10), (300, 1_000)] {
            let outcome = outcome(&machine(), tenants, concurrency);
            assert_eq!(u32::try_from(outcome.active.len()).expect("few") + outcome.failed, tenants);
            assert!(outcome.invocations <= concurrency && outcome.transitions > 30 * tenants, "{outcome:?}");
        }
    }

    #[test]
    fn new_projects_are_as_many_as_supabase_allows() {
        let outcome = outcome(&machine(), 300, 1_000);
        assert_eq!(outcome.failed, 0);
        // 300 projects take three windows.
        assert!(outcome.refused[&Limit::Organization] > 0);
        assert!(outcome.within(100) > Duration::from_mins(2) + assumed::PROJECT_AT_LEAST);
    }

    /// A definition whose step 1 does not wait for a limit.
    #[test]
    fn a_run_fails_where_the_definition_gives_up() {
        let mut document: serde_json::Value =
            serde_json::from_str(include_str!("../../../statemachine/provision-tenant.asl.json"))
                .expect("a definition");
        let retriers = document["States"]["Step1CreateEnvironment"]["Retry"].as_array_mut().expect("retriers");
        for retrier in retriers.iter_mut().filter(|retrier| retrier["ErrorEquals"][0] == "Step.RateLimited") {
            retrier["MaxAttempts"] = 0.into();
        }
        let machine: Machine = serde_json::from_value(document).expect("a definition");
        let outcome = outcome(&machine, 300, 1_000);
        assert!(outcome.failed >= 300 - 120 && outcome.active.len() <= 120, "{outcome:?}");
    }

    #[test]
    fn one_seed_has_one_outcome() {
        let (machine, calls) = (machine(), Calls::load().expect("calls"));
        let of = |seed| {
            let setting = Setting { tenants: 200, concurrency: 1_000, seed };
            format!("{:?}", simulate(&machine, &calls, setting).expect("an outcome"))
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
