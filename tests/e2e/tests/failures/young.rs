//! A project that is healthy, but so young that parts of it are not there yet.

use std::time::Duration;

use anyhow::Result;
use e2e::with_faults;
use fault_proxy::client::Match;
use serde_json::json;

use crate::scenario::Scenario;

/// Longer than five retries of a transient failure take.
const LATE: Duration = Duration::from_secs(20);

/// Step 2 waits for everything that it fetches.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn keys_pooler_and_health_are_waited_for_even_if_supabase_has_errors() -> Result<()> {
    with_faults(async |cloud, faults| {
        let failed = json!({ "message": "Failed to retrieve project's pooler config" }).to_string();
        for (path, what) in [("/health", "health"), ("/api-keys", "api_keys"), ("/config/database/pooler", "pooler")] {
            let tenant = Scenario::new(cloud, faults, "young");
            let fault = faults.answer("supabase", Match::request("GET", path), 500, &failed).await?;
            tenant.again().await?;
            tenant.waits(2, what).await?;
            faults.mend(fault).await?;
            tenant.goes_live(1).await?;
        }
        Ok(())
    })
    .await
}

/// Its gateway is the last that learns of a project.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn auth_may_be_missing_for_longer_than_a_failure_is_retried() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "nameless");
        let auth = Match::request("GET", "/auth/v1/settings");
        let fault = faults.answer("supabase", auth, 503, r#"{"message":"name resolution failed"}"#).await?;
        tenant.again().await?;
        tenant.retries(5, "supabase_auth_server_error", "provider").await?;
        tokio::time::sleep(LATE).await;
        tenant.retries(5, "supabase_auth_server_error", "provider").await?;
        faults.mend(fault).await?;
        tenant.goes_live(1).await?;
        Ok(())
    })
    .await
}
