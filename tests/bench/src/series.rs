//! Many starts of several programs, in turns: what else the machine does meanwhile hits all of them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_postgres::Client;

use crate::figures::Observed;
use crate::running::Running;
use crate::share::Quota;
use crate::targets::{Contest, Target};
use crate::tenants;

/// Calls after the first one that do not count yet.
const WARM_UP: usize = 20;
/// How long a process has to notice that its connection is gone.
const NOTICE: Duration = Duration::from_millis(50);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Starts of each program.
    pub starts: usize,
    /// Of these, so many are followed by warm calls.
    pub warm: usize,
    /// Warm calls of each of them.
    pub calls: usize,
    /// From one warm call to the next. Without it, one follows the other.
    pub every: Option<Duration>,
}

impl Plan {
    /// As many starts, each followed by as many calls with a pause between them.
    #[must_use]
    pub const fn of(starts: usize, calls: usize, every: Duration) -> Self {
        Self { starts, warm: starts, calls, every: Some(every) }
    }
}

/// Measures all programs of a contest. The result is in their order.
pub async fn play(contest: &Contest, plan: Plan, quota: Option<&Quota>, cutter: &Cutter<'_>) -> Result<Vec<Observed>> {
    let mut all = vec![Observed::default(); contest.targets.len()];
    for round in 0..plan.starts {
        let warm = (round < plan.warm).then_some(plan);
        for turn in 0..all.len() {
            // Each round begins with another one.
            let number = (round + turn) % all.len();
            let target = &contest.targets[number];
            let once = start_once(contest, target, warm, quota, cutter, &mut all[number]);
            once.await.with_context(|| target.name.clone())?;
        }
    }
    let ours = essence(&all[0].answer)?;
    for (target, observed) in contest.targets.iter().zip(&all) {
        let theirs = essence(&observed.answer).with_context(|| target.name.clone())?;
        ensure!(ours == theirs, "{} does other work than we do:\n{theirs}\ninstead of\n{ours}", target.name);
    }
    Ok(all)
}

/// Cuts the functions' connections to the database.
#[derive(Debug)]
pub struct Cutter<'a> {
    /// A connection of the superuser.
    pub superuser: &'a Client,
    /// The functions' user.
    pub user: &'a str,
}

async fn start_once(
    contest: &Contest,
    target: &Target,
    warm: Option<Plan>,
    quota: Option<&Quota>,
    cutter: &Cutter<'_>,
    observed: &mut Observed,
) -> Result<()> {
    let mut running = Running::start(target, &[], quota).await?;
    observed.first_next.push(running.initialised);
    let first = running.call(&contest.event).await?;
    observed.first_answer.push(first.since_start);
    observed.first_answer_cpu.push(running.process().processor_time()?);
    observed.answer = first.answer.to_vec();
    if let Some(plan) = warm {
        warm_calls(contest, plan, &mut running, &first.answer, observed).await?;
    }
    ensure!(tenants::cut(cutter.superuser, cutter.user).await? > 0, "it has no connection to the database");
    sleep(NOTICE).await;
    let again = running.call(&contest.event).await?;
    ensure!(again.answer == first.answer, "the same question was answered in another way after a cut");
    observed.reconnect.push(again.took);
    observed.peak_memory = observed.peak_memory.max(running.process().peak_memory()?);
    running.end().await
}

async fn warm_calls(
    contest: &Contest,
    plan: Plan,
    running: &mut Running,
    expected: &Bytes,
    observed: &mut Observed,
) -> Result<()> {
    for _ in 0..WARM_UP {
        running.call(&contest.event).await?;
    }
    let mut clock = plan.every.map(interval);
    if let Some(clock) = &mut clock {
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let before = running.process().processor_time()?;
    for _ in 0..plan.calls {
        if let Some(clock) = &mut clock {
            clock.tick().await;
        }
        let answered = running.call(&contest.event).await?;
        ensure!(answered.answer == *expected, "the same question was answered in another way");
        observed.warm.push(answered.took);
    }
    let used = running.process().processor_time()?.saturating_sub(before);
    observed.warm_cpu.push(used / u32::try_from(plan.calls)?);
    Ok(())
}

/// What an answer says to the caller, in whatever way it is written.
fn essence(answer: &[u8]) -> Result<Value> {
    let answer: Value = serde_json::from_slice(answer).context("an answer is no JSON")?;
    let header = |wanted: &str| {
        let single = answer["headers"].as_object().into_iter().flatten();
        let multiple = answer["multiValueHeaders"].as_object().into_iter().flatten().map(|(name, all)| (name, &all[0]));
        single.chain(multiple).find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    };
    if answer["statusCode"] != 200 {
        bail!("an answer is not 200: {answer}");
    }
    let body: Value = serde_json::from_str(answer["body"].as_str().context("an answer has no body")?)?;
    Ok(json!({
        "content-type": header("content-type"),
        "cache-control": header("cache-control"),
        "x-request-id": header("x-request-id"),
        "etag": header("etag"),
        "link": header("link"),
        "body": body,
    }))
}

/// How many bytes the body of an answer has.
pub fn body_bytes(answer: &[u8]) -> Result<usize> {
    let answer: Value = serde_json::from_slice(answer)?;
    Ok(answer["body"].as_str().context("an answer has no body")?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &Value, body: &str) -> Vec<u8> {
        json!({ "statusCode": 200, "multiValueHeaders": headers, "body": body }).to_string().into_bytes()
    }

    #[test]
    fn answers_are_compared_by_what_they_say() {
        let one = answer(&json!({ "ETag": ["\"1\""] }), "{\"a\":1,\"b\":2}");
        let same = json!({ "statusCode": 200, "headers": { "etag": "\"1\"" }, "body": "{\"b\": 2, \"a\": 1}" });
        assert_eq!(essence(&one).expect("an answer"), essence(same.to_string().as_bytes()).expect("an answer"));
        for other in [
            answer(&json!({ "etag": ["\"2\""] }), "{\"a\":1,\"b\":2}"),
            answer(&json!({ "etag": ["\"1\""] }), "{\"a\":1}"),
            answer(&json!({}), "{\"a\":1,\"b\":2}"),
        ] {
            assert_ne!(essence(&one).expect("an answer"), essence(&other).expect("an answer"));
        }
        assert!(essence(b"{\"statusCode\":404,\"body\":\"{}\"}").is_err());
    }
}
