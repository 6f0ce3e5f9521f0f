//! The answer of `POST`, and of its retry, for each state that the tenant can have.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Answer, Cloud, State, unique};
use reqwest::Method;
use serde_json::{Value, json};

const LIVE: Duration = Duration::from_mins(2);

fn check_accepted(answer: &Answer, slug: &str, tenant_id: &str, run: Value) -> Result<()> {
    let poll_url = format!("/v1/admin/tenants/{slug}/status");
    let mut expected = run;
    expected["tenant_id"] = json!(tenant_id);
    expected["slug"] = json!(slug);
    expected["provisioning_state"] = json!("provisioning");
    expected["poll_url"] = json!(poll_url);
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
    check_accepted(&first, &slug, &tenant_id, json!({ "run": "started" }))?;

    // Provisioning.
    let found = json!({ "run": "found" });
    check_accepted(&cloud.provision(&slug, json!({})).await?, &slug, &tenant_id, found.clone())?;
    check_accepted(&cloud.retry(&slug).await?, &slug, &tenant_id, found.clone())?;
    let refused = cloud.provision(&slug, elsewhere.clone()).await?.problem(409, "immutable_field")?;
    ensure!(refused["detail"].as_str().is_some_and(|detail| detail.starts_with("region ")), "{refused}");

    // Failed.
    cloud.impose(&cloud.environment(&slug).await?, "INIT_FAILED").await?;
    let failed = cloud.wait_until(&slug, State::Failed, LIVE).await?;
    assert_eq!(failed.failed_steps, ["step_2"]);
    assert_eq!(cloud.tenant(&slug).await?["error_message"].as_str(), failed.last_error.as_deref());
    cloud.provision(&slug, elsewhere.clone()).await?.problem(409, "immutable_field")?;
    // The environment is dead, so step 1 makes another one.
    let resumed = json!({ "run": "resumed", "resumes_at": "step_1" });
    check_accepted(&cloud.provision(&slug, json!({})).await?, &slug, &tenant_id, resumed.clone())?;
    let status = cloud.status(&slug).await?;
    assert_eq!((status.attempt, status.failed_steps.len(), status.last_error), (2, 0, None));

    // Failed once more.
    cloud.impose(&cloud.environment(&slug).await?, "INIT_FAILED").await?;
    cloud.wait_until(&slug, State::Failed, LIVE).await?;
    let key = unique("retry");
    let retry =
        || cloud.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/retry")).header("idempotency-key", &key);
    check_accepted(&cloud.send(retry()).await?, &slug, &tenant_id, resumed.clone())?;
    check_accepted(&cloud.retry(&slug).await?, &slug, &tenant_id, found)?;
    check_accepted(&cloud.send(retry()).await?, &slug, &tenant_id, resumed)?;
    assert_eq!(cloud.status(&slug).await?.attempt, 3);

    // Active.
    cloud.wait_until(&slug, State::Active, LIVE).await?;
    cloud.provision(&slug, json!({})).await?.problem(409, "tenant_active")?;
    cloud.provision(&slug, elsewhere).await?.problem(409, "tenant_active")?;
    cloud.retry(&slug).await?.problem(409, "tenant_active")?;

    // Deprovisioned.
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.provision(&slug, json!({})).await?.problem(409, "tenant_deprovisioned")?;
    cloud.retry(&slug).await?.problem(409, "tenant_deprovisioned")?;
    cloud.retry("no-such-tenant").await?.problem(404, "tenant_not_found")?;
    let runs = cloud.aws.executions_of(&tenant_id).await?;
    assert_eq!(runs.len(), 3, "{runs:?}");
    Ok(())
}
