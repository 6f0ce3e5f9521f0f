//! The reconciler. If it dies between two of its acts, the next one finishes the work.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::State;
use fault_proxy::client::{Action, Answer, Match, RuleId, When};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::actors::acts::{Act, graph_user};
use crate::actors::delete::ends;
use crate::actors::requests::kill_if_asked;
use crate::effects::{self, Known, Subject};
use crate::fault::{Fault, Kind};
use crate::stage::{Missed, Stage};
use crate::step_cell::Played;
use crate::witness::{self, Testimony};

/// Long enough for a reconciler that dies and for the next one.
const BROUGHT_ABOUT: Duration = Duration::from_mins(4);

/// The work of a reconciler.
enum Work {
    /// An attempt whose execution was never started.
    Start,
    /// An attempt whose execution ended without recording a failure.
    Fail,
    /// An event that was not delivered.
    Deliver,
    /// A deprovisioned tenant's graph user that is still on.
    SwitchOff,
    /// A subscription to be cancelled.
    Cancel,
    /// Rows of the audit log without a seal.
    Seal,
}

pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let work = match act.name {
        "turn" | "claim" | "look" | "start" => Work::Start,
        "failure" => Work::Fail,
        "event" | "delivery" => Work::Deliver,
        "graph user" | "graph user's end" => Work::SwitchOff,
        "lease" | "cancellation" | "settlement" => Work::Cancel,
        "seals" => Work::Seal,
        other => bail!("the reconciler has no {other}"),
    };
    // The obstacle keeps reconcilers from the work until the fault is laid.
    let (subject, obstacle) = match work {
        Work::Start => never_started(stage).await?,
        Work::Fail => (ended(stage).await?, None),
        Work::Deliver => unheard(stage).await?,
        Work::SwitchOff => still_on(stage).await?,
        Work::Cancel | Work::Seal => (subscribed(stage).await?, None),
    };
    let rule = act.lay(stage, fault, &subject).await?;
    if let Some(obstacle) = obstacle {
        stage.mend(obstacle).await?;
    }
    if matches!(work, Work::Cancel | Work::Seal) {
        stage.cloud.deactivate(&subject.slug).await?.no_content()?;
    }
    let brought_about = brought_about(stage, &subject, &work, rule);
    tokio::pin!(brought_about);
    tokio::select! {
        killed = killed(stage, fault, rule) => {
            killed?;
            brought_about.await?;
        }
        // The work was done before a process could be killed.
        done = &mut brought_about => done?,
    }
    if stage.fired(rule).await? == 0 {
        return Err(Missed("the schedule's reconciler came by before the fault was laid").into());
    }
    stage.mend(rule).await?;
    match work {
        Work::SwitchOff => {
            let mut testimony = Testimony::default();
            let on = witness::graph_user_is_on(&stage.cloud, &subject).await?;
            testimony.none("graph user that is on", usize::from(on));
            Ok(Played { testimony, posts: 0 })
        }
        Work::Cancel => Ok(Played { testimony: cancellation(stage, &subject).await?, posts: 0 }),
        Work::Seal => Ok(Played { testimony: witness::seals(&stage.cloud).await?, posts: 0 }),
        Work::Start | Work::Deliver => live(stage, &subject, 0).await,
        Work::Fail => {
            stage.post(&subject.slug).await?;
            live(stage, &subject, 0).await
        }
    }
}

async fn live(stage: &Stage, subject: &Subject, wanted: u32) -> Result<Played> {
    let (status, posts) = stage.goes_live(subject).await?;
    ensure!(posts == wanted, "another POST was needed: {status:?}");
    Ok(Played { testimony: witness::of(&stage.cloud, subject, &status).await?, posts })
}

async fn killed(stage: &Stage, fault: Fault, rule: RuleId) -> Result<()> {
    kill_if_asked(stage, fault, rule).await?;
    if matches!(fault.kind, Kind::Kill) {
        // Frees the reconciler's lease. Otherwise the next reconciler would wait a minute for the dead one.
        let over = "UPDATE control.leases SET until = clock_timestamp() WHERE name = 'reconcile-tenants'";
        stage.cloud.control().await?.execute(over, &[]).await?;
    }
    Ok(())
}

/// Invokes the reconciler, as the schedule does, until its work is done.
async fn brought_about(stage: &Stage, subject: &Subject, work: &Work, rule: RuleId) -> Result<()> {
    let end = Instant::now() + BROUGHT_ABOUT;
    let id = subject.tenant_id;
    let control = stage.cloud.control().await?;
    loop {
        let undone = match work {
            Work::Start => stage.cloud.status(&subject.slug).await?.steps.iter().all(|step| step["state"] == "pending"),
            Work::Fail => stage.cloud.status(&subject.slug).await?.provisioning_state == State::Provisioning,
            Work::Deliver | Work::SwitchOff | Work::Cancel => {
                let sql = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL";
                control.query_one(sql, &[&id]).await?.get::<_, i64>(0) > 0
            }
            // One reconciler seals the rows of everybody, so another cell's may have been here: then there has to be one more row.
            Work::Seal if stage.fired(rule).await? == 0 => {
                let sql = "INSERT INTO control.audit_log (tenant_id, actor, action, request_id) VALUES ($1, 'system:test', 'test', 'test')";
                control.execute(sql, &[&id]).await?;
                true
            }
            Work::Seal => {
                let sql = "SELECT count(*) FROM control.audit_log LEFT JOIN control.audit_seals s USING (id)
                           WHERE tenant_id = $1 AND s.seq IS NULL";
                control.query_one(sql, &[&id]).await?.get::<_, i64>(0) > 0
            }
        };
        if !undone {
            return Ok(());
        }
        ensure!(Instant::now() < end, "not done within {BROUGHT_ABOUT:?}");
        for due in [
            "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE tenant_id = $1 AND delivered_at IS NULL",
            "UPDATE control.tenants SET touched_at = to_timestamp(0) WHERE tenant_id = $1 AND provisioning_state = 'provisioning'
             AND touched_at < clock_timestamp() - interval '3 seconds'",
        ] {
            control.execute(due, &[&id]).await?;
        }
        // If an invocation was killed or held, the cell has not failed.
        stage.cloud.aws.invoke("reconcile-tenants", &json!({})).await.ok();
        sleep(Duration::from_millis(500)).await;
    }
}

/// A tenant whose `POST` was answered, but Step Functions refuses to start the execution.
async fn never_started(stage: &Stage) -> Result<(Subject, Option<RuleId>)> {
    stage
        .ordered(async |subject| {
            let start = effects::aws_call("AWSStepFunctions.StartExecution", &subject.tenant_id.to_string());
            let refused = stage.lay("aws", start, refusal(), u64::MAX).await?;
            Ok((subject, Some(refused)))
        })
        .await
}

fn refusal() -> Action {
    let body = json!({ "__type": "AccessDeniedException", "message": "no" }).to_string();
    let headers = [("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())].into();
    Action::Respond(Answer::Http { status: 400, headers, body, when: When::Before })
}

/// A tenant whose execution was stopped from outside during step 2.
async fn ended(stage: &Stage) -> Result<Subject> {
    let (subject, pause) = stage.ordered_until(1).await?;
    stage.cloud.aws.stop_execution(&stage.cloud.aws.execution_arn(subject.tenant_id, 1)).await?;
    stage.mend(pause).await?;
    Ok(subject)
}

/// An active tenant whose event cannot be published.
async fn unheard(stage: &Stage) -> Result<(Subject, Option<RuleId>)> {
    let (mut subject, refused) = stage
        .ordered(async |subject| {
            let event = Match::command(&format!("^EVAL(SHA)? .* {} ", subject.slug));
            let full = Action::bytes(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
            let refused = stage.lay("valkey", event, full, u64::MAX).await?;
            Ok((subject, refused))
        })
        .await?;
    let status = stage.arrives(&subject).await?;
    ensure!(status.provisioning_state == State::Active, "not active: {status:?}");
    stage.learn(Known::Promise("publish_event"), &mut subject).await?;
    Ok((subject, Some(refused)))
}

/// A tenant that was deprovisioned while its region's FalkorDB refused to switch its user off.
async fn still_on(stage: &Stage) -> Result<(Subject, Option<RuleId>)> {
    let subject = subscribed(stage).await?;
    let busy = Action::bytes(b"-LOADING the server is loading its data\r\n");
    let refused = stage.lay("falkordb-us-east-1", graph_user(&subject), busy, u64::MAX).await?;
    stage.cloud.deactivate(&subject.slug).await?.no_content()?;
    ensure!(witness::graph_user_is_on(&stage.cloud, &subject).await?, "off although the server refused it");
    Ok((subject, Some(refused)))
}

/// An active tenant with a subscription.
async fn subscribed(stage: &Stage) -> Result<Subject> {
    let subject = stage.ordered(async |subject| Ok(subject)).await?;
    stage.goes_live(&subject).await?;
    let subscriptions = stage.cloud.subscriptions(subject.tenant_id).await?;
    let subscription = subscriptions.first().and_then(|it| it["id"].as_str()).context("no subscription")?;
    Ok(Subject { project_ref: subscription.to_owned(), ..subject })
}

async fn cancellation(stage: &Stage, subject: &Subject) -> Result<Testimony> {
    let mut seen = Testimony::default();
    let subscriptions = stage.cloud.subscriptions(subject.tenant_id).await?;
    seen.count("subscription", subscriptions.len());
    seen.count("cancelled subscription", subscriptions.iter().filter(|it| ends(it)).count());
    Ok(seen)
}
