//! A cell of a step: an effect meets a fault.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::Step;
use e2e::{Cloud, State};
use fault_proxy::client::RuleId;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::effects::{Effect, Known, Subject};
use crate::fault::{Fault, Kind};
use crate::invocation::{Ended, Invocation};
use crate::stage::{Missed, Stage};
use crate::witness::{self, Testimony};

/// How long a released invocation may take until it finds out that it is too late.
const GIVES_UP: Duration = Duration::from_secs(40);

/// An invocation that has not met the fault by then will not meet it.
const NEVER_REACHED: Duration = Duration::from_mins(1);

/// The result of a cell.
pub struct Played {
    /// What exists of the tenant, according to the outside systems.
    pub testimony: Testimony,
    /// How many more `POST`s it took: 0 or 1.
    pub posts: u32,
}

/// Plays a cell.
pub async fn play(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    match fault.kind {
        Kind::Stall | Kind::Stale => stalled(stage, effect, fault).await,
        _ => met(stage, effect, fault).await,
    }
}

/// An invocation of the state machine meets the fault.
async fn met(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    let (subject, rule) = stage.ordered_into(effect, fault).await?;
    // A promise is due at once, so a reconciler may deliver it before the fault is laid.
    let delivered = || Missed("a reconciler delivered the promise first");
    let is_promise = matches!(effect.known, Known::Promise(_));
    let acted = act(stage, effect, fault, &subject, rule).await;
    acted.map_err(|error| if is_promise { delivered().into() } else { error })?;
    let (status, posts) = stage.goes_live(&subject).await?;
    let fired = stage.fired(rule).await? > 0;
    ensure!(fired || !is_promise, delivered());
    ensure!(fired, "the fault met nothing");
    stage.mend(rule).await?;
    let testimony = witness::of(&stage.cloud, &subject, &status).await?;
    Ok(Played { testimony, posts })
}

/// Acts on the held call. The other faults need no action.
async fn act(stage: &Stage, effect: &Effect, fault: Fault, subject: &Subject, rule: RuleId) -> Result<()> {
    match fault.kind {
        Kind::Kill => stage.kill_held(rule).await?,
        Kind::Twice => {
            stage.held(rule).await?;
            second(&stage.cloud, effect, subject).await?;
            // The rule stays, so that it is still counted.
            let held = stage.proxy.held().await?;
            for held in held.iter().filter(|held| held.rule == rule) {
                stage.proxy.release(held.id).await?;
            }
        }
        // A hanging call is held until the end of the cell.
        Kind::Hang | Kind::Cut | Kind::Lost | Kind::TooMany | Kind::Error | Kind::Stall | Kind::Stale => {}
    }
    Ok(())
}

/// Invokes the same task again while the first invocation is at work. It must be busy or find the work done.
async fn second(cloud: &Cloud, effect: &Effect, subject: &Subject) -> Result<()> {
    let function = step(effect)?.function();
    let task = json!({ "tenant_id": subject.tenant_id, "attempt": 1 });
    match cloud.aws.invoke(function, &task).await {
        Ok(_) => Ok(()),
        Err(error) if error.to_string().contains("Step.Busy") => Ok(()),
        Err(error) => bail!("the second of two at once: {error}"),
    }
}

/// An invocation of the test meets the fault and is frozen there, before another one can take the step's lease.
async fn stalled(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    let (subject, mut invocation, rule) = catch(stage, effect, fault).await?;
    if fault.kind == Kind::Stale {
        found_failed(&stage.cloud, subject.tenant_id).await?;
        // The state machine may have begun the step before it was stopped, and done it once the frozen one's lease had ended.
        let found = stage.cloud.status(&subject.slug).await?.provisioning_state;
        ensure!(found == State::Failed, Missed("another invocation did the work before the attempt was over"));
        stage.post(&subject.slug).await?;
    }
    let (status, posts) = stage.goes_live(&subject).await?;
    let before = witness::books_of(&stage.cloud, subject.tenant_id).await?;
    invocation.let_go()?;
    let ended = invocation.ended(GIVES_UP).await?;
    stage.mend(rule).await?;
    let after = witness::books_of(&stage.cloud, subject.tenant_id).await?;
    ensure!(before == after, "the invocation ({ended:?}) wrote after its lease had ended: {before} became {after}");
    if let Ended::Failed(error) = &ended {
        ensure!(error.starts_with("Step."), "the invocation ended with {error}");
    }
    let testimony = witness::of(&stage.cloud, &subject, &status).await?;
    Ok(Played { testimony, posts: if fault.kind == Kind::Stale { 0 } else { posts } })
}

/// A new tenant whose step is begun by an invocation of the test, which is frozen at the effect. If another attempt has
/// to follow, the execution is stopped as well. The tenant is paused during that time, so that the state machine does
/// not invoke the step first.
async fn catch(stage: &Stage, effect: &Effect, fault: Fault) -> Result<(Subject, Invocation, RuleId)> {
    if effect.step == 1 {
        let caught = stage.ordered(async |subject| caught(stage, effect, fault, subject).await).await?;
        end_if_stale(stage, fault, &caught.0).await;
        return Ok(caught);
    }
    let (mut subject, before) = stage.ordered_until(effect.step - 1).await?;
    stage.learn(Known::Environment, &mut subject).await?;
    let caught = caught(stage, effect, fault, subject).await;
    if let Ok((subject, ..)) = &caught {
        end_if_stale(stage, fault, subject).await;
    }
    stage.mend(before).await?;
    caught
}

/// Stops the first execution from outside, if the fault is `stale`.
async fn end_if_stale(stage: &Stage, fault: Fault, subject: &Subject) {
    let arn = stage.cloud.aws.execution_arn(subject.tenant_id, 1);
    // In step 1 the execution may not have been started yet.
    while fault.kind == Kind::Stale && stage.cloud.aws.stop_execution(&arn).await.is_err() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Starts an invocation and freezes it at the fault.
async fn caught(
    stage: &Stage,
    effect: &Effect,
    fault: Fault,
    mut subject: Subject,
) -> Result<(Subject, Invocation, RuleId)> {
    let step = step(effect)?;
    let laying = stage.begin_laying(effect, fault, &subject).await?;
    let tenant_id = subject.tenant_id;
    let started = async || Invocation::start(&stage.cloud, step, tenant_id, 1, limit(step)).await;
    let mut invocation = started().await?;
    let rule = {
        let mut laid = pin!(stage.end_laying(laying, effect, fault, &mut subject));
        loop {
            tokio::select! {
                rule = &mut laid => break rule?,
                // The step waits, and the state machine that would poll it is paused.
                ended = invocation.ended(limit(step)) => {
                    ended?;
                    invocation = started().await?;
                }
            }
        }
    };
    let end = Instant::now() + NEVER_REACHED;
    let held = loop {
        tokio::select! {
            held = stage.held(rule) => break held?,
            // The invocation had to wait, or another one had done the work.
            ended = invocation.ended(limit(step)) => {
                if Instant::now() > end || matches!(effect.known, Known::Promise(_)) {
                    return Err(Missed("the invocation found the work done").into());
                }
                ended?;
                invocation = started().await?;
            }
        }
    };
    if stage.victim(&held).await? != invocation.pid() {
        stage.mend(rule).await?;
        return Err(Missed("the state machine was faster than the invocation").into());
    }
    invocation.stall()?;
    Ok((subject, invocation, rule))
}

/// Lets the reconciler find that the execution was stopped. It can do so once the frozen invocation's lease has ended.
async fn found_failed(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let idle = "UPDATE control.tenants SET touched_at = clock_timestamp() - interval '2 minutes'
                WHERE tenant_id = $1 AND provisioning_state = 'provisioning'";
    let control = cloud.control().await?;
    while control.execute(idle, &[&tenant_id]).await? > 0 {
        cloud.aws.invoke("reconcile-tenants", &json!({})).await.ok();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// The function's own time-out. Step 3 needs more, because of its longest call.
fn limit(step: Step) -> Duration {
    Duration::from_secs(if step == Step::MigrateTenant { 95 } else { 30 })
}

fn step(effect: &Effect) -> Result<Step> {
    Step::from_number(effect.step.try_into()?).context("no such step")
}
