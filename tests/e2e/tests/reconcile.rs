//! The reconciler and the next `POST` restart or fail runs that have stopped, and keep promises that are still open.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Faults, State, calls, unique, with_faults};
use fault_proxy::client::Match;
use serde_json::{Value, json};
use uuid::Uuid;

const LIVE: Duration = Duration::from_mins(2);

/// Invokes the reconciler, as the schedule does every minute.
async fn reconcile(cloud: &Cloud) -> Result<Value> {
    cloud.aws.invoke("reconcile-tenants", &json!({})).await
}

/// A tenant whose `POST` was answered while Step Functions refused to start its run.
async fn never_started(cloud: &Cloud, faults: &Faults, slug: &str) -> Result<Uuid> {
    let body = json!({ "__type": "AccessDeniedException", "message": "no" }).to_string();
    let fault = faults.answer("aws", Match::aws("AWSStepFunctions.StartExecution"), 400, &body).await?;
    let tenant_id = cloud.accepted(slug, json!({})).await?;
    assert_eq!(cloud.aws.execution(&cloud.aws.execution_arn(tenant_id, 1)).await?, None);
    let status = cloud.status(slug).await?;
    assert_eq!((status.provisioning_state, status.attempt), (State::Provisioning, 1));
    ensure!(status.steps.iter().all(|step| step["state"] == "pending"), "{status:?}");
    faults.mend(fault).await?;
    Ok(tenant_id)
}

/// A tenant whose execution was stopped from outside while step 2 waited. That was longer ago than a run may be idle.
async fn stopped(cloud: &Cloud, slug: &str) -> Result<Uuid> {
    let tenant_id = cloud.accepted(slug, json!({})).await?;
    cloud.wait_for(slug, LIVE, |status| status.step(2)["state"] == "waiting").await?;
    let arn = cloud.aws.execution_arn(tenant_id, 1);
    cloud.aws.stop_execution(&arn).await?;
    assert_eq!(cloud.aws.execution(&arn).await?.context("no execution")?["status"], "ABORTED");
    let idle = "UPDATE control.tenants SET touched_at = clock_timestamp() - interval '2 minutes' WHERE tenant_id = $1";
    assert_eq!(cloud.control().await?.execute(idle, &[&tenant_id]).await?, 1);
    Ok(tenant_id)
}

/// A tenant whose execution failed at step 7 while nobody could write to the control database: neither the step nor
/// `record-failure`. That was longer ago than a run may be idle.
async fn unrecorded(cloud: &Cloud, faults: &Faults, slug: &str) -> Result<Uuid> {
    let reason =
        "no permissions for [indices:admin/create] and User [name=ivory, backend_roles=[], requestedTenant=null]";
    let body = json!({ "error": { "type": "security_exception", "reason": reason }, "status": 403 }).to_string();
    let create = calls::index(slug);
    let fault = faults.answer("opensearch-us-east-1", create, 403, &body).await?;
    let tenant_id = cloud.accepted(slug, json!({})).await?;
    cloud.wait_until(slug, State::Failed, LIVE).await?;
    faults.mend(fault).await?;
    let arn = cloud.aws.execution_arn(tenant_id, 1);
    let end = tokio::time::Instant::now() + LIVE;
    while cloud.aws.execution(&arn).await?.context("no execution")?["status"] != "FAILED" {
        ensure!(tokio::time::Instant::now() < end, "the execution does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let control = cloud.control().await?;
    let running = "UPDATE control.provisioning_steps SET state = 'running', finished_at = NULL, cause = NULL
                   WHERE tenant_id = $1 AND step = 7";
    assert_eq!(control.execute(running, &[&tenant_id]).await?, 1);
    let idle = "UPDATE control.tenants SET provisioning_state = 'provisioning', error_message = NULL,
                touched_at = clock_timestamp() - interval '2 minutes' WHERE tenant_id = $1";
    assert_eq!(control.execute(idle, &[&tenant_id]).await?, 1);
    Ok(tenant_id)
}

async fn check_one_of_everything(cloud: &Cloud, slug: &str, tenant_id: Uuid) -> Result<()> {
    let projects = cloud.projects(slug, tenant_id).await?;
    assert_eq!(projects.len(), 1);
    assert_eq!(projects[0]["calls"]["create_project"], 1);
    assert_eq!(cloud.mails_to(&format!("admin@{slug}.example.com")).await?.len(), 1);
    assert_eq!((cloud.customers(tenant_id).await?.len(), cloud.subscriptions(tenant_id).await?.len()), (1, 1));
    assert_eq!(cloud.announced(slug).await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_run_that_never_started_is_started_by_the_reconciler() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("unstarted");
        let tenant_id = never_started(cloud, faults, &slug).await?;
        reconcile(cloud).await?;
        let status = cloud.wait_until(&slug, State::Active, LIVE).await?;
        assert_eq!(status.attempt, 1);
        assert_eq!(cloud.aws.executions_of(tenant_id).await?, [format!("{tenant_id}-1")]);
        check_one_of_everything(cloud, &slug, tenant_id).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_run_that_never_started_is_started_by_the_next_post() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("unstarted");
        let tenant_id = never_started(cloud, faults, &slug).await?;
        assert_eq!(cloud.accepted(&slug, json!({})).await?, tenant_id);
        let status = cloud.wait_until(&slug, State::Active, LIVE).await?;
        assert_eq!(status.attempt, 1);
        assert_eq!(cloud.aws.executions_of(tenant_id).await?, [format!("{tenant_id}-1")]);
        check_one_of_everything(cloud, &slug, tenant_id).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_run_that_was_stopped_is_failed_by_the_reconciler() -> Result<()> {
    with_faults(async |cloud, _| {
        let slug = unique("stopped");
        let tenant_id = stopped(cloud, &slug).await?;
        reconcile(cloud).await?;
        let failed = cloud.wait_until(&slug, State::Failed, LIVE).await?;
        assert_eq!(failed.failed_steps, ["step_2"]);
        let cause = failed.cause()?;
        assert_eq!((&cause["code"], &cause["owner"]), (&json!("run_lost"), &json!("platform")));

        cloud.accepted(&slug, json!({})).await?;
        let live = cloud.wait_until(&slug, State::Active, LIVE).await?;
        assert_eq!(live.attempt, 2);
        check_one_of_everything(cloud, &slug, tenant_id).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_failure_that_nobody_could_record_is_recorded_with_its_cause_by_the_reconciler() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("unrecorded");
        let tenant_id = unrecorded(cloud, faults, &slug).await?;
        reconcile(cloud).await?;
        let failed = cloud.wait_until(&slug, State::Failed, LIVE).await?;
        assert_eq!(failed.failed_steps, ["step_7"]);
        let cause = failed.cause()?;
        assert_eq!((&cause["code"], &cause["owner"]), (&json!("opensearch_permission_missing"), &json!("platform")));

        cloud.accepted(&slug, json!({})).await?;
        let live = cloud.wait_until(&slug, State::Active, LIVE).await?;
        assert_eq!(live.attempt, 2);
        check_one_of_everything(cloud, &slug, tenant_id).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_run_that_was_stopped_is_resumed_by_the_next_post() -> Result<()> {
    with_faults(async |cloud, _| {
        let slug = unique("stopped");
        let tenant_id = stopped(cloud, &slug).await?;
        assert_eq!(cloud.accepted(&slug, json!({})).await?, tenant_id);
        let live = cloud.wait_until(&slug, State::Active, LIVE).await?;
        assert_eq!(live.attempt, 2);
        check_one_of_everything(cloud, &slug, tenant_id).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_event_that_could_not_be_published_is_delivered_once_by_the_reconciler() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("unheard");
        let publish = format!("^EVAL(SHA)? .* {slug} ");
        let fault =
            faults.refuse("valkey", &publish, "OOM command not allowed when used memory > 'maxmemory'.").await?;
        let tenant_id = cloud.accepted(&slug, json!({})).await?;
        cloud.wait_until(&slug, State::Active, LIVE).await?;
        assert_eq!(cloud.events_of(&slug).await?.len(), 0);

        let control = cloud.control().await?;
        let promise = "SELECT id, delivered_at IS NOT NULL, last_error FROM control.outbox
                       WHERE tenant_id = $1 AND kind = 'publish_event'";
        let row = control.query_one(promise, &[&tenant_id]).await?;
        let (id, delivered, error): (Uuid, bool, Option<String>) = (row.get(0), row.get(1), row.get(2));
        ensure!(!delivered && error.is_some(), "delivered: {delivered}, {error:?}");

        faults.mend(fault).await?;
        let due = "UPDATE control.outbox SET next_attempt_at = clock_timestamp(), delivered_at = NULL WHERE id = $1";
        // The second time, the event is published but its delivery is not recorded, as if that answer had been lost.
        for _ in 0..2 {
            control.execute(due, &[&id]).await?;
            let end = tokio::time::Instant::now() + LIVE;
            while !control.query_one(promise, &[&tenant_id]).await?.get::<_, bool>(1) {
                ensure!(tokio::time::Instant::now() < end, "the event was not delivered");
                reconcile(cloud).await?;
            }
            let events = cloud.events_of(&slug).await?;
            assert_eq!(events.iter().map(|event| event["event_id"].clone()).collect::<Vec<_>>(), [id.to_string()]);
        }
        check_one_of_everything(cloud, &slug, tenant_id).await
    })
    .await
}
