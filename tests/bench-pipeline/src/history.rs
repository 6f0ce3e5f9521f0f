//! What an execution of the state machine says of itself.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bench::pipeline::Entered;
use e2e::Cloud;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long an execution may go on after its tenant is live.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a tenant's first execution has succeeded.
pub async fn ended(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let (arn, end) = (cloud.aws.execution_arn(tenant_id, 1), Instant::now() + PATIENCE);
    loop {
        let execution = cloud.aws.execution(&arn).await?.context("it was never started")?;
        match execution["status"].as_str() {
            Some("SUCCEEDED") => return Ok(()),
            Some("RUNNING") => {}
            other => bail!("the execution of {tenant_id} is {other:?}"),
        }
        ensure!(Instant::now() < end, "the execution of {tenant_id} does not end");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What it entered, and how long it took without its waits, in milliseconds.
pub fn entered(events: &[Value]) -> Result<(Entered, f64)> {
    let mut entered = Entered::default();
    let mut waited = 0.0;
    let mut since = None;
    for event in events {
        let at = moment(&event["timestamp"])?;
        match event["type"].as_str().context("an event has no type")? {
            "TaskStateEntered" => entered.tasks += 1.0,
            "ChoiceStateEntered" => entered.choices += 1.0,
            "WaitStateEntered" => {
                entered.waits += 1.0;
                since = Some(at);
            }
            // After it the machine waits until it tries again.
            "TaskFailed" => {
                entered.retries += 1.0;
                since = Some(at);
            }
            "WaitStateExited" | "TaskScheduled" => waited += since.take().map_or(0.0, |since| at - since),
            _ => {}
        }
    }
    let (first, last) = events.first().zip(events.last()).context("an execution without events")?;
    Ok((entered, moment(&last["timestamp"])? - moment(&first["timestamp"])? - waited))
}

/// Milliseconds since 1970. The API says seconds; this machine's stand-in says it as text.
fn moment(value: &Value) -> Result<f64> {
    if let Some(seconds) = value.as_f64() {
        return Ok(seconds * 1e3);
    }
    let at: Timestamp = value.as_str().context("an event has no time")?.parse()?;
    Ok(at.as_duration().as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waits_and_the_pauses_before_another_try_are_left_out() {
        let event = |kind: &str, ms: u32| json!({ "type": kind, "timestamp": format!("2026-03-24T10:00:0{}.{:03}Z", ms / 1000, ms % 1000) });
        let events = [
            event("ExecutionStarted", 0),
            event("TaskStateEntered", 1),
            event("TaskScheduled", 2),
            event("TaskFailed", 10),
            event("TaskScheduled", 1010),
            event("TaskStateExited", 1020),
            event("ChoiceStateEntered", 1020),
            event("ChoiceStateExited", 1021),
            event("WaitStateEntered", 1021),
            event("WaitStateExited", 4021),
            event("TaskStateEntered", 4021),
            event("TaskScheduled", 4022),
            event("ExecutionSucceeded", 4030),
        ];
        let (entered, ms) = entered(&events).expect("a history");
        assert_eq!(entered, Entered { tasks: 2.0, choices: 1.0, waits: 1.0, retries: 1.0 });
        assert!((ms - 30.0).abs() < 0.01, "{ms}");
        assert!((moment(&json!(1.5)).expect("a time") - 1500.0).abs() < 0.01);
    }
}
