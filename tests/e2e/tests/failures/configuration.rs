//! Supabase accepts a new configuration of a project's Auth at once. Auth applies it later, and sometimes never.

use std::time::Duration;

use anyhow::Result;
use e2e::{Cloud, Faults, calls, with_faults};
use serde_json::json;
use uuid::Uuid;

use crate::scenario::Scenario;

/// A tenant whose Auth does not notice its configuration, so that step 5 waits.
async fn waiting<'a>(cloud: &'a Cloud, faults: &'a Faults) -> Result<(Scenario<'a>, Uuid, String)> {
    let tenant = Scenario::new(cloud, faults, "reload");
    let tenant_id = tenant.again().await?;
    let project_ref = cloud.environment(&tenant.slug).await?;
    cloud.set_auth_reloads(&project_ref, false).await?;
    tenant.waits(5, "auth_configuration").await?;
    Ok((tenant, tenant_id, project_ref))
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_configuration_is_sent_once_and_waited_for() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (tenant, tenant_id, project_ref) = waiting(cloud, faults).await?;
        // Several polls, none of which may write it again: Auth would wait even longer.
        tokio::time::sleep(Duration::from_secs(6)).await;
        tenant.waits(5, "auth_configuration").await?;
        assert_eq!(tenant.calls(tenant_id, "update_auth_config").await?, 1);
        assert_eq!(tenant.calls(tenant_id, "invite").await?, 0);
        cloud.set_auth_reloads(&project_ref, true).await?;
        tenant.goes_live(1).await?;
        assert_eq!(tenant.calls(tenant_id, "update_auth_config").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_configuration_that_is_never_applied_ends_the_run_and_is_sent_again_by_the_next() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (tenant, tenant_id, project_ref) = waiting(cloud, faults).await?;
        let minutes_ago = "UPDATE control.resources SET sent_at = sent_at - interval '6 minutes'
                           WHERE tenant_id = $1 AND kind = 'auth_configuration' AND dead_at IS NULL";
        cloud.control().await?.execute(minutes_ago, &[&tenant_id]).await?;
        tenant.fails_for(5, "auth_configuration_not_applied", "provider").await?;
        assert_eq!(tenant.calls(tenant_id, "update_auth_config").await?, 1);
        cloud.set_auth_reloads(&project_ref, true).await?;
        tenant.again().await?;
        tenant.goes_live(2).await?;
        assert_eq!(tenant.calls(tenant_id, "update_auth_config").await?, 2);
        Ok(())
    })
    .await
}

/// Supabase does not show the mail server's password. So a new version of its secret is sent, even if all that Supabase
/// shows is the same.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_new_version_of_the_mail_servers_secret_is_sent() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (tenant, tenant_id, project_ref) = waiting(cloud, faults).await?;
        let name = format!("{}/control/smtp", cloud.secret_prefix()?);
        cloud.aws.put_secret(&name, &cloud.aws.secret(&name).await?).await?;
        cloud.set_auth_reloads(&project_ref, true).await?;
        tenant.goes_live(1).await?;
        assert_eq!(tenant.calls(tenant_id, "update_auth_config").await?, 2);
        Ok(())
    })
    .await
}

/// One of Auth's servers may be later than the one that was asked.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_refusal_of_the_configuration_before_is_not_final() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "late");
        let refusal = json!({ "code": "email_address_not_authorized", "message": "not authorized" }).to_string();
        let refused = faults.answer("supabase", calls::invitation(&tenant.slug), 400, &refusal).await?;
        tenant.again().await?;
        tenant.retries(5, "supabase_auth_email_not_authorized", "platform").await?;
        faults.mend(refused).await?;
        tenant.goes_live(1).await?;
        Ok(())
    })
    .await
}
