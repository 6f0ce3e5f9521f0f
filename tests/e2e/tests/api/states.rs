//! The answer of `POST` for each state that the tenant can have.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Answer, Cloud, State, unique};
use serde_json::json;

const LIVE: Duration = Duration::from_mins(2);

fn check_accepted(answer: &Answer, slug: &str, tenant_id: &str) -> Result<()> {
    let poll_url = format!("/v1/admin/tenants/{slug}/status");
    let expected = json!({
        "tenant_id": tenant_id, "slug": slug, "provisioning_state": "provisioning", "poll_url": poll_url,
    });
    assert_eq!(answer.expect(202)?, expected);
    assert_eq!(answer.header("location"), Some(poll_url.as_str()));
    assert_eq!(answer.header("retry-after"), Some("5"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn post_answers_by_the_state_of_the_row() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("states");
    let elsewhere = json!({ "region": "eu-central-1" });

    // No row.
    let first = cloud.provision(&slug, json!({})).await?;
    let tenant_id = first.json()?["tenant_id"].as_str().unwrap_or_default().to_owned();
    check_accepted(&first, &slug, &tenant_id)?;

    // Provisioning.
    check_accepted(&cloud.provision(&slug, json!({})).await?, &slug, &tenant_id)?;
    let refused = cloud.provision(&slug, elsewhere.clone()).await?.problem(409, "immutable_field")?;
    ensure!(refused["detail"].as_str().is_some_and(|detail| detail.starts_with("region ")), "{refused}");

    // Failed.
    cloud.impose(&cloud.environment(&slug).await?, "INIT_FAILED").await?;
    let failed = cloud.wait_until(&slug, State::Failed, LIVE).await?;
    assert_eq!(failed.failed_steps, ["step_2"]);
    assert_eq!(cloud.tenant(&slug).await?["error_message"].as_str(), failed.last_error.as_deref());
    cloud.provision(&slug, elsewhere.clone()).await?.problem(409, "immutable_field")?;
    check_accepted(&cloud.provision(&slug, json!({})).await?, &slug, &tenant_id)?;
    let resumed = cloud.status(&slug).await?;
    assert_eq!((resumed.attempt, resumed.failed_steps.len(), resumed.last_error), (2, 0, None));

    // Active.
    cloud.wait_until(&slug, State::Active, LIVE).await?;
    cloud.provision(&slug, json!({})).await?.problem(409, "tenant_active")?;
    cloud.provision(&slug, elsewhere).await?.problem(409, "tenant_active")?;

    // Deprovisioned.
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.provision(&slug, json!({})).await?.problem(409, "tenant_deprovisioned")?;
    let runs = cloud.aws.executions_of(&tenant_id).await?;
    assert_eq!(runs.len(), 2, "{runs:?}");
    Ok(())
}
