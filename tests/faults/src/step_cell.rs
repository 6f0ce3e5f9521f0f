//! One effect of one step met by one fault: what is done, and what has to come of it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::Step;
use e2e::Cloud;
use fault_proxy::client::RuleId;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::copy::{Copy, Ended};
use crate::effects::{Effect, Known, Subject};
use crate::fault::{Fault, Kind};
use crate::stage::{Missed, Stage};
use crate::witness::{self, Testimony};

/// A copy that was let go has this long to find out that it is too late.
const GIVES_UP: Duration = Duration::from_secs(40);

/// A copy that has not met the fault by then will not.
const NEVER_REACHED: Duration = Duration::from_mins(1);

/// How a cell came out: what there is of its tenant in the end, and how many more `POST`s it took.
pub struct Played {
    /// The outside systems' word.
    pub testimony: Testimony,
    /// 0 or 1.
    pub posts: u32,
}

/// Plays a cell.
pub async fn play(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    match fault.kind {
        Kind::Stall | Kind::Stale => stalled(stage, effect, fault).await,
        _ => met(stage, effect, fault).await,
    }
}

/// The pipeline's own invocation meets the fault.
async fn met(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    let (subject, rule) = stage.ordered_into(effect, fault).await?;
    // What was promised is due at once: a reconciler may deliver it before the fault is laid.
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

/// What is done about a call that is held; other faults happen by themselves.
async fn act(stage: &Stage, effect: &Effect, fault: Fault, subject: &Subject, rule: RuleId) -> Result<()> {
    match fault.kind {
        Kind::Kill => stage.kill_held(rule).await?,
        Kind::Twice => {
            stage.held(rule).await?;
            second(&stage.cloud, effect, subject).await?;
            // Its rule goes on being counted.
            let held = stage.proxy.held().await?;
            for held in held.iter().filter(|held| held.rule == rule) {
                stage.proxy.release(held.id).await?;
            }
        }
        // It is held until the cell's end.
        Kind::Hang | Kind::Cut | Kind::Lost | Kind::TooMany | Kind::Error | Kind::Stall | Kind::Stale => {}
    }
    Ok(())
}

/// The same task once more while the first is at it: it must say that it is busy, or find the work done.
async fn second(cloud: &Cloud, effect: &Effect, subject: &Subject) -> Result<()> {
    let function = step(effect)?.function();
    let task = json!({ "tenant_id": subject.tenant_id, "attempt": 1 });
    match cloud.aws.invoke(&function, &task).await {
        Ok(_) => Ok(()),
        Err(error) if error.to_string().contains("Step.Busy") => Ok(()),
        Err(error) => bail!("the second of two at once: {error}"),
    }
}

/// A copy meets the fault, before anybody else can take the step's lease, and is frozen there.
async fn stalled(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    let (subject, mut copy, rule) = catch(stage, effect, fault).await?;
    if fault.kind == Kind::Stale {
        lost(&stage.cloud, subject.tenant_id).await?;
        stage.post(&subject.slug).await?;
    }
    let (status, posts) = stage.goes_live(&subject).await?;
    let before = witness::books_of(&stage.cloud, subject.tenant_id).await?;
    copy.let_go()?;
    let ended = copy.ended(GIVES_UP).await?;
    stage.mend(rule).await?;
    let after = witness::books_of(&stage.cloud, subject.tenant_id).await?;
    ensure!(before == after, "the copy ({ended:?}) wrote after its lease had lapsed: {before} became {after}");
    if let Ended::Failed(error) = &ended {
        ensure!(error.starts_with("Step."), "the copy ended with {error}");
    }
    let testimony = witness::of(&stage.cloud, &subject, &status).await?;
    Ok(Played { testimony, posts: if fault.kind == Kind::Stale { 0 } else { posts } })
}

/// A new tenant whose step is begun by a copy, which is frozen at the effect. Where another attempt is to come, the
/// execution is ended by then: it stands still meanwhile, so that its own invocation of the step does not come first.
async fn catch(stage: &Stage, effect: &Effect, fault: Fault) -> Result<(Subject, Copy, RuleId)> {
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

/// Ends the first execution from outside.
async fn end_if_stale(stage: &Stage, fault: Fault, subject: &Subject) {
    let arn = stage.cloud.aws.execution_arn(subject.tenant_id, 1);
    // Of the first step's copy nobody has begun an execution yet, or only just.
    while fault.kind == Kind::Stale && stage.cloud.aws.stop_execution(&arn).await.is_err() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Starts a copy and freezes it where the fault is.
async fn caught(stage: &Stage, effect: &Effect, fault: Fault, mut subject: Subject) -> Result<(Subject, Copy, RuleId)> {
    let step = step(effect)?;
    let laying = stage.begin_laying(effect, fault, &subject).await?;
    let mut copy = Copy::start(&stage.cloud, step, subject.tenant_id, 1, limit(step)).await?;
    let rule = stage.end_laying(laying, effect, fault, &mut subject).await?;
    let end = Instant::now() + NEVER_REACHED;
    let held = loop {
        tokio::select! {
            held = stage.held(rule) => break held?,
            // It found nothing to do but wait; or nothing at all, because somebody else had done it.
            ended = copy.ended(limit(step)) => {
                if Instant::now() > end || matches!(effect.known, Known::Promise(_)) {
                    return Err(Missed("the copy found the work done").into());
                }
                ended?;
                copy = Copy::start(&stage.cloud, step, subject.tenant_id, 1, limit(step)).await?;
            }
        }
    };
    if stage.victim(&held).await? != copy.pid() {
        stage.mend(rule).await?;
        return Err(Missed("the pipeline was faster than the copy").into());
    }
    copy.stall()?;
    Ok((subject, copy, rule))
}

/// A run that was ended without a word is found failed, as soon as nobody has the lease: the copy's has lapsed then.
async fn lost(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let idle = "UPDATE control.tenants SET touched_at = clock_timestamp() - interval '2 minutes'
                WHERE tenant_id = $1 AND provisioning_state = 'provisioning'";
    let control = cloud.control().await?;
    while control.execute(idle, &[&tenant_id]).await? > 0 {
        cloud.aws.invoke("reconcile-tenants", &json!({})).await.ok();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// The function's own time-out, but for step 3: it has to leave room for its longest call.
fn limit(step: Step) -> Duration {
    Duration::from_secs(if step == Step::MigrateTenant { 95 } else { 30 })
}

fn step(effect: &Effect) -> Result<Step> {
    Step::from_number(effect.step.try_into()?).context("no such step")
}
