//! What the cells of requests and of other actors have in common.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::Answer;
use fault_proxy::client::RuleId;
use tokio::time::{Instant, sleep};

use crate::fault::{Fault, Kind};
use crate::stage::Stage;

/// How long a client repeats its request: longer than the longest lease of a request that died.
const REPEATED: Duration = Duration::from_mins(2);

/// A promise is kept by then: a reconciler runs every minute.
const KEPT: Duration = Duration::from_secs(150);

/// Sends a request until it is answered as wanted, like a client that gets no answer or a 5xx. At the same time, if the
/// fault is a kill, the held call's process is killed.
pub async fn repeated(
    stage: &Stage,
    fault: Fault,
    rule: RuleId,
    wanted: u16,
    request: impl AsyncFn() -> Result<Answer>,
) -> Result<()> {
    let (killed, answered) = tokio::join!(kill_if_asked(stage, fault, rule), until(wanted, request));
    killed.and(answered)
}

/// Sends a request until it is answered as wanted.
pub async fn until(wanted: u16, request: impl AsyncFn() -> Result<Answer>) -> Result<()> {
    let end = Instant::now() + REPEATED;
    loop {
        let answer = request().await;
        match &answer {
            Ok(answer) if answer.status == wanted => return Ok(()),
            // If a process dies, the gateway answers. That answer is not in our format, so it is an error here.
            Err(_) => {}
            // The lease of an invocation that died has not ended, or an execution is being stopped.
            Ok(answer) if answer.status >= 500 || answer.header("retry-after").is_some() => {}
            Ok(answer) => anyhow::bail!("not {wanted}: {answer:?}"),
        }
        ensure!(Instant::now() < end, "not {wanted} within {REPEATED:?}: {answer:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// Kills the process whose call is held, if the fault is a kill.
pub async fn kill_if_asked(stage: &Stage, fault: Fault, rule: RuleId) -> Result<()> {
    if fault.kind == Kind::Kill {
        stage.kill_held(rule).await?;
    }
    Ok(())
}

/// Waits until the fault has met a call, and releases the calls that it still holds. What a request could not do while it was
/// asked, it has promised: a reconciler does it later.
pub async fn met(stage: &Stage, rule: RuleId) -> Result<()> {
    let end = Instant::now() + KEPT;
    while stage.fired(rule).await? == 0 {
        ensure!(Instant::now() < end, "the fault met nothing");
        sleep(Duration::from_millis(500)).await;
    }
    stage.mend(rule).await
}
