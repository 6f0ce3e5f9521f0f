//! Each alarm that can be seen without an account.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, State, alone, calls, unique, with_faults};
use fault_proxy::client::{Match, UpstreamState};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::pattern::Pattern;

const RUN: Duration = Duration::from_mins(2);

/// What was logged since a moment, as far as it is JSON.
async fn lines(cloud: &Cloud, since: SystemTime) -> Result<Vec<Value>> {
    let since = i64::try_from(since.duration_since(UNIX_EPOCH)?.as_millis())?;
    let streams = cloud.aws.log_streams(since).await?;
    Ok(streams.into_values().flatten().filter_map(|line| serde_json::from_str(&line).ok()).collect())
}

/// Waits for lines that a filter takes, of this function.
async fn counted(cloud: &Cloud, since: SystemTime, filter: &str, function: &str) -> Result<Vec<Value>> {
    let pattern = Pattern::of(filter)?;
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let mut found = lines(cloud, since).await?;
        found.retain(|line| line["span"]["function"] == function && pattern.takes(line));
        if !found.is_empty() || Instant::now() > end {
            return Ok(found);
        }
        sleep(Duration::from_millis(300)).await;
    }
}

/// Waits until an execution has ended, and returns how.
async fn ended(cloud: &Cloud, arn: &str) -> Result<Value> {
    let end = Instant::now() + RUN;
    loop {
        let status = cloud.aws.execution(arn).await?.context("no execution")?["status"].take();
        if status != "RUNNING" {
            return Ok(status);
        }
        ensure!(Instant::now() < end, "the execution does not end");
        sleep(Duration::from_millis(200)).await;
    }
}

/// `ProvisioningFailed` counts executions that Step Functions calls failed.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_run_that_gives_up_is_a_failed_execution() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("alarmed");
        let refuse = calls::index(&slug);
        faults.answer("opensearch-us-east-1", refuse, 403, "{}").await?;
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        cloud.wait_until(&slug, State::Failed, RUN).await?;
        assert_eq!(ended(cloud, &cloud.aws.execution_arn(tenant_id, 1)).await?, "FAILED");

        // A run that a DELETE ends raises no alarm.
        let slug = unique("called-off");
        let hold = faults.hold("opensearch-us-east-1", calls::index(&slug)).await?;
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        faults.held(hold).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        faults.mend(hold).await?;
        assert_eq!(ended(cloud, &cloud.aws.execution_arn(tenant_id, 1)).await?, "ABORTED");
        Ok(())
    })
    .await
}

/// `PurgeFailed`, likewise.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_purge_that_gives_up_is_a_failed_execution() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (slug, tenant_id) = cloud.live("unpurged", json!({ "tier": "pilot" })).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        let refuse = Match::request("DELETE", &format!("^/client_{slug}_v1"));
        faults.answer("opensearch-us-east-1", refuse, 403, "{}").await?;
        let purge = cloud.purged(&slug, tenant_id, &json!({})).await?;
        assert_eq!(purge["state"], "failed", "{purge}");
        let machine = cloud.aws.environment_of("purge-tenant").await?["PURGE_STATE_MACHINE_ARN"].take();
        let machine = machine.as_str().context("no state machine")?.replacen(":stateMachine:", ":execution:", 1);
        let names = cloud.aws.purge_executions_of(tenant_id).await?;
        let [name] = &names[..] else { anyhow::bail!("{names:?}") };
        assert_eq!(ended(cloud, &format!("{machine}:{name}")).await?, "FAILED");
        Ok(())
    })
    .await
}

/// `ApiErrors` counts answers of 5xx. `ReconcilerSilent` and `ChecksSilent` count invocations that did not end well.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn without_the_control_database_routes_answer_5xx_and_operations_fail() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("nobody");
        faults.set_state("postgres", UpstreamState::Refuse).await?;
        let answer = cloud.get(&format!("/v1/admin/tenants/{slug}")).await?;
        ensure!(answer.status >= 500, "{answer:?}");
        for function in ["reconcile-tenants", "check-region"] {
            cloud.aws.invoke(function, &json!({})).await.expect_err("it ended well");
        }
        faults.set_state("postgres", UpstreamState::Up).await?;
        for function in ["reconcile-tenants", "check-region"] {
            cloud.aws.invoke(function, &json!({})).await?;
        }
        Ok(())
    })
    .await
}

/// `OpsErrors`: a promise that is not kept after many tries.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_promise_that_cannot_be_kept_is_counted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("promised");
        let publish = format!("^EVAL(SHA)? .* {slug} ");
        faults.refuse("valkey", &publish, "OOM command not allowed when used memory > 'maxmemory'.").await?;
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        cloud.wait_until(&slug, State::Active, RUN).await?;

        let began = SystemTime::now();
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        assert_eq!(counted(cloud, began, "OpsErrorLines", "reconcile-tenants").await?, Vec::<Value>::new());

        let control = cloud.control().await?;
        let tried = "UPDATE control.outbox SET attempts = 100 WHERE tenant_id = $1 AND delivered_at IS NULL";
        assert_eq!(control.execute(tried, &[&tenant_id]).await?, 1);
        let began = SystemTime::now();
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        let found = counted(cloud, began, "OpsErrorLines", "reconcile-tenants").await?;
        ensure!(found.iter().any(|line| line["stuck"].as_u64() >= Some(1)), "{found:?}");

        let due = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE tenant_id = $1";
        control.execute(due, &[&tenant_id]).await?;
        Ok(())
    })
    .await
}

/// `SystemsUnusable`: a region's check finds what stops tenants.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_system_that_cannot_be_used_is_counted_at_each_check() -> Result<()> {
    with_faults(async |cloud, _| {
        let began = SystemTime::now();
        cloud.check_regions().await?;
        sleep(Duration::from_secs(1)).await;
        let usable = Pattern::of("SystemsUnusableLines")?;
        let found: Vec<_> = lines(cloud, began).await?.into_iter().filter(|line| usable.takes(line)).collect();
        assert_eq!(found, Vec::<Value>::new());

        cloud.set_price_active("ivory_enterprise", false).await?;
        let began = SystemTime::now();
        let checked = cloud.check_regions().await;
        cloud.set_price_active("ivory_enterprise", true).await?;
        checked?;
        let found = counted(cloud, began, "SystemsUnusableLines", "check-region").await?;
        ensure!(found.iter().any(|line| line["system"] == "stripe"), "{found:?}");
        Ok(())
    })
    .await
}

/// Lets reconcilers measure until one of them has written at least this value of a metric.
async fn measured(cloud: &Cloud, metric: &str, least: u64) -> Result<()> {
    let began = SystemTime::now();
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        let lines = lines(cloud, began).await?;
        let mut values = lines.iter().filter(|line| line["_aws"].is_object()).filter_map(|line| line[metric].as_u64());
        if values.any(|value| value >= least) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{metric} never was {least}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// `RunOld`, which looks at `RunAge`, and `PromiseOld`, which looks at `OutboxAge`.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn the_ages_of_a_run_and_of_a_promise_are_measured() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("ageing");
        let hold = faults.hold("opensearch-us-east-1", calls::index(&slug)).await?;
        let publish = format!("^EVAL(SHA)? .* {slug} ");
        faults.refuse("valkey", &publish, "OOM command not allowed when used memory > 'maxmemory'.").await?;
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        faults.held(hold).await?;
        measured(cloud, "RunAge", 2).await?;
        faults.mend(hold).await?;
        cloud.wait_until(&slug, State::Active, RUN).await?;
        let control = cloud.control().await?;
        let earlier = "UPDATE control.outbox SET created_at = created_at - interval '1 hour' WHERE tenant_id = $1 AND delivered_at IS NULL";
        assert_eq!(control.execute(earlier, &[&tenant_id]).await?, 1);
        measured(cloud, "OutboxAge", 3600).await
    })
    .await
}

/// `RefusedCallers` counts lines of the gateway's log, which the local gateway does not write: here they are made of the
/// template's own format and the statuses that were answered.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_refused_caller_is_counted_and_a_served_one_is_not() -> Result<()> {
    let _alone = alone().await;
    let cloud = Cloud::from_env()?;
    let path = format!("/v1/admin/tenants/{}", unique("nobody"));
    let template = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml"))?;
    let format = template.split_once("AccessLogSetting:").context("no log")?.1.split_once('{').context("no format")?.1;
    let format = format!("{{{}}}", format.split_once('}').context("no end")?.0);
    let pattern = Pattern::of("RefusedCallersLines")?;
    for (key, status, counts) in
        [("nobody-has-this-key", 401, true), (&cloud.stranger_key, 403, true), (&cloud.admin_key, 404, false)]
    {
        let answer = cloud.send(cloud.request(Method::GET, &path).header("x-api-key", key)).await?;
        assert_eq!(answer.status, status, "{answer:?}");
        let line: Value = serde_json::from_str(&format.replace("$context.status", &status.to_string()))?;
        assert_eq!(pattern.takes(&line), counts, "{line}");
    }
    Ok(())
}

/// `StepsKilled`, `RoutesKilled` and `OpsKilled` count lines that [Lambda
/// writes](https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report) and the local one does not. Its
/// statuses are `success`, `error` (the function returned an error), `failure` (it was killed or crashed) and `timeout`.
#[test]
fn an_invocation_that_was_killed_is_counted_and_one_that_returned_an_error_is_not() -> Result<()> {
    for filter in ["StepsKilledLines", "RoutesKilledLines", "OpsKilledLines"] {
        let pattern = Pattern::of(filter)?;
        for (status, counts) in [("success", false), ("error", false), ("failure", true), ("timeout", true)] {
            let metrics =
                json!({ "durationMs": 29000.0, "billedDurationMs": 29000, "memorySizeMB": 256, "maxMemoryUsedMB": 21 });
            let record =
                json!({ "requestId": "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa", "metrics": metrics, "status": status });
            let line = json!({ "time": "2026-11-29T12:00:00.000Z", "type": "platform.report", "record": record });
            assert_eq!(pattern.takes(&line), counts, "{filter}: {status}");
        }
        let ours = json!({ "level": "ERROR", "status": "failure", "record": { "status": "failure" } });
        assert!(!pattern.takes(&ours), "{filter}");
    }
    Ok(())
}
