//! A project that is lost after data may have been written to it: only a person decides what to do. If it is restored,
//! it is used again.

use anyhow::Result;
use e2e::{Cloud, Faults, State, calls, with_faults};
use fault_proxy::client::Match;
use reqwest::Method;
use serde_json::Value;

use crate::scenario::Scenario;

/// The project is lost before a step logs in. A `POST` changes nothing until the project is restored.
async fn lost_and_restored(cloud: &Cloud, faults: &Faults, step: usize, fate: &str) -> Result<()> {
    let tenant = Scenario::new(cloud, faults, "lost");
    let log_in = u64::try_from(step - 2)?;
    let tenant_id = tenant.changed_at_log_in(log_in, async |project_ref| cloud.impose(project_ref, fate).await).await?;
    let failed = tenant.fails_for(step, "environment_gone", "platform").await?;
    assert_eq!(failed.cause()?["retryable"], false);

    tenant.again().await?;
    tenant.fails_for(step, "environment_gone", "platform").await?;
    assert_eq!(
        (tenant.calls(tenant_id, "delete_project").await?, tenant.calls(tenant_id, "update_password").await?),
        (0, 0)
    );

    cloud.impose(&cloud.environment(&tenant.slug).await?, "ACTIVE_HEALTHY").await?;
    tenant.again().await?;
    tenant.goes_live(3).await?;
    assert_eq!(tenant.calls(tenant_id, "create_project").await?, 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_removed_before_the_migrations_is_left_to_a_person() -> Result<()> {
    with_faults(async |cloud, faults| lost_and_restored(cloud, faults, 3, "REMOVED").await).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_broken_after_the_migrations_is_left_to_a_person() -> Result<()> {
    with_faults(async |cloud, faults| lost_and_restored(cloud, faults, 4, "INIT_FAILED").await).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_paused_before_the_invitation_is_left_to_a_person() -> Result<()> {
    with_faults(async |cloud, faults| lost_and_restored(cloud, faults, 5, "INACTIVE").await).await
}

/// Auth itself only answers that the project does not exist.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_paused_during_the_invitation_is_left_to_a_person() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "asleep");
        let pause = faults.hold("supabase", calls::invitation(&tenant.slug).times(1)).await?;
        let tenant_id = tenant.again().await?;
        faults.held(pause).await?;
        let project_ref = cloud.environment(&tenant.slug).await?;
        cloud.impose(&project_ref, "INACTIVE").await?;
        faults.mend(pause).await?;
        tenant.fails_for(5, "environment_gone", "platform").await?;
        cloud.impose(&project_ref, "ACTIVE_HEALTHY").await?;
        tenant.again().await?;
        // It was not known whether the mail had been sent.
        tenant.retries(5, "invitation_pending", "provider").await?;
        tenant.goes_live(2).await?;
        assert_eq!(tenant.calls(tenant_id, "create_project").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn if_the_environment_was_deleted_the_tenant_can_only_be_deactivated() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "deleted");
        let pause = faults.hold("supabase", Match::request("PATCH", "/config/auth$").times(1)).await?;
        let tenant_id = tenant.again().await?;
        faults.held(pause).await?;
        let project_ref = cloud.environment(&tenant.slug).await?;
        cloud.supabase_call(Method::DELETE, &format!("/v1/projects/{project_ref}"), &Value::Null).await?;
        faults.mend(pause).await?;
        tenant.fails_for(5, "environment_gone", "platform").await?;
        tenant.again().await?;
        tenant.fails_for(5, "environment_gone", "platform").await?;

        cloud.deactivate(&tenant.slug).await?.no_content()?;
        assert_eq!(cloud.status(&tenant.slug).await?.provisioning_state, State::Deprovisioned);
        cloud.provision(&tenant.slug, Value::Null).await?.problem(409, "tenant_deprovisioned")?;
        assert_eq!(cloud.projects(&tenant.slug, tenant_id).await?.len(), 1, "nothing was built in its place");
        assert_eq!(cloud.mails_to(&tenant.email()).await?.len(), 0);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_environment_that_is_being_restarted_is_waited_for_by_every_step() -> Result<()> {
    with_faults(async |cloud, faults| {
        for (log_in, fate) in [(1, "RESTARTING"), (2, "UPGRADING"), (3, "ACTIVE_UNHEALTHY")] {
            let tenant = Scenario::new(cloud, faults, "restarted");
            tenant.changed_at_log_in(log_in, async |project_ref| cloud.impose(project_ref, fate).await).await?;
            tenant.retries(usize::try_from(log_in)? + 2, "environment_not_ready", "provider").await?;
            cloud.impose(&cloud.environment(&tenant.slug).await?, "ACTIVE_HEALTHY").await?;
            tenant.goes_live(1).await?;
        }
        Ok(())
    })
    .await
}
