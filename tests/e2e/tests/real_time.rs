//! One tenant at the real pace: a second of Step Functions and of the stand-ins takes a second.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, State, unique};
use serde_json::{Value, json};

const LIVE: Duration = Duration::from_mins(4);

async fn provisions(cloud: &Cloud) -> Result<()> {
    let slug = unique("real-time");
    let tenant_id = cloud.accepted(&slug, json!({})).await?;
    let status = cloud.wait_until(&slug, State::Active, LIVE).await?;
    assert_eq!(status.attempt, 1);
    for step in &status.steps {
        assert_eq!(step["attempts"], 1, "a poll is no attempt: {step}");
    }
    let took = |number: usize| -> Result<u64> { status.step(number)["duration_ms"].as_u64().context("no duration") };
    // Two polls of 15 s, until the project's last service is up.
    ensure!((15_000..60_000).contains(&took(2)?), "step 2 took {} ms", took(2)?);
    // Auth applies its configuration after 6 s.
    ensure!((6_000..30_000).contains(&took(5)?), "step 5 took {} ms", took(5)?);
    let projects = cloud.projects(&slug, tenant_id).await?;
    let calls =
        |endpoint: &str| projects.iter().map(|project| project["calls"][endpoint].clone()).collect::<Vec<Value>>();
    assert_eq!((calls("update_auth_config"), calls("invite")), (vec![json!(1)], vec![json!(1)]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_goes_live_at_the_real_pace() -> Result<()> {
    let cloud = Cloud::from_env()?;
    cloud.at_real_pace(async || provisions(&cloud).await).await
}
