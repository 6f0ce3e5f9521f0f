//! A project that does not become healthy: it is waited for while it still may; otherwise it is deleted, and another
//! one is built.

use anyhow::Result;
use e2e::{Cloud, Faults, with_faults};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::scenario::Scenario;

/// A dead project is deleted, because it holds no data yet. The next `POST` builds another one.
async fn stillborn(cloud: &Cloud, faults: &Faults, status: &str) -> Result<()> {
    let tenant = Scenario::new(cloud, faults, "stillborn");
    let tenant_id = tenant.again().await?;
    let first = cloud.environment(&tenant.slug).await?;
    cloud.impose(&first, status).await?;
    buried(&tenant).await?;

    tenant.again().await?;
    tenant.goes_live(2).await?;
    let second = cloud.environment(&tenant.slug).await?;
    let projects = cloud.projects(&tenant.slug, tenant_id).await?;
    let fates: Vec<_> = projects.iter().map(|project| (&project["ref"], &project["deleted"])).collect();
    assert_eq!(fates, [(&json!(first), &json!(true)), (&json!(second), &json!(false))]);
    Ok(())
}

async fn buried(tenant: &Scenario<'_>) -> Result<()> {
    let failed = tenant.cloud.wait_until(&tenant.slug, e2e::State::Failed, crate::scenario::RUN).await?;
    assert_eq!(failed.failed_steps, ["step_2"], "{failed:?}");
    assert_eq!(failed.completed_steps, Vec::<String>::new(), "step 1 has to run again");
    let cause = failed.cause()?;
    assert_eq!((&cause["code"], &cause["owner"]), (&json!("environment_failed"), &json!("provider")));
    assert_eq!((&failed.step(1)["state"], &failed.step(2)["state"]), (&json!("pending"), &json!("failed")));
    let record = tenant.cloud.tenant(&tenant.slug).await?;
    assert_eq!((&record["supabase_project_ref"], &record["supabase_url"]), (&Value::Null, &Value::Null));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_dead_environment_is_deleted_and_the_next_post_builds_another() -> Result<()> {
    with_faults(async |cloud, faults| {
        let fates = ["INIT_FAILED", "REMOVED", "INACTIVE", "GOING_DOWN", "PAUSE_FAILED", "RESTORE_FAILED"];
        try_join_all(fates.map(|status| stillborn(cloud, faults, status))).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_vanished_environment_is_searched_for_before_another_is_built() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "vanished");
        let tenant_id = tenant.again().await?;
        let first = cloud.environment(&tenant.slug).await?;
        cloud.supabase_call(Method::DELETE, &format!("/v1/projects/{first}"), &Value::Null).await?;
        // It may be too new to be visible everywhere.
        tenant.waits(2, "project").await?;
        let age = "UPDATE control.resources SET sent_at = sent_at - interval '2 minutes'
                   WHERE tenant_id = $1 AND kind = 'supabase_project' AND dead_at IS NULL";
        assert_eq!(cloud.control().await?.execute(age, &[&tenant_id]).await?, 1);
        buried(&tenant).await?;
        tenant.again().await?;
        tenant.goes_live(2).await?;
        assert_eq!(cloud.projects(&tenant.slug, tenant_id).await?.len(), 2);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_that_is_being_changed_is_waited_for() -> Result<()> {
    with_faults(async |cloud, faults| {
        let passing = ["PAUSING", "RESTORING", "UPGRADING", "RESTARTING", "RESIZING", "ACTIVE_UNHEALTHY", "UNKNOWN"];
        let waited_for = async |status: &str| {
            let tenant = Scenario::new(cloud, faults, "changed");
            let tenant_id = tenant.again().await?;
            let project_ref = cloud.environment(&tenant.slug).await?;
            cloud.impose(&project_ref, status).await?;
            tenant.waits(2, "project").await?;
            cloud.impose(&project_ref, "ACTIVE_HEALTHY").await?;
            tenant.goes_live(1).await?;
            tenant.calls(tenant_id, "create_project").await
        };
        assert_eq!(try_join_all(passing.map(waited_for)).await?, [1; 7]);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_that_takes_too_long_is_waited_for_by_the_next_post() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "slow");
        let tenant_id = tenant.again().await?;
        let project_ref = cloud.environment(&tenant.slug).await?;
        cloud.impose(&project_ref, "COMING_UP").await?;
        tenant.waits(2, "project").await?;
        let age = "UPDATE control.provisioning_steps SET started_at = started_at - interval '31 minutes'
                   WHERE tenant_id = $1 AND step = 2";
        assert_eq!(cloud.control().await?.execute(age, &[&tenant_id]).await?, 1);
        tenant.fails_for(2, "environment_timeout", "provider").await?;
        // The project is kept, because it may still become healthy.
        tenant.again().await?;
        tenant.waits(2, "project").await?;
        cloud.impose(&project_ref, "ACTIVE_HEALTHY").await?;
        tenant.goes_live(2).await?;
        assert_eq!(tenant.calls(tenant_id, "create_project").await?, 1);
        Ok(())
    })
    .await
}
