//! Simultaneous requests: any number of requests for one slug make one tenant, and tenants do not affect each other.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use e2e::{Answer, Cloud, State, alone, unique};
use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use tokio::time::Instant;

#[tokio::test]
#[ignore = "needs API_URL"]
async fn fifty_requests_for_one_slug_make_one_tenant() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let slug = unique("crowd");
    // After this call the gateway has cached the caller's policy. Otherwise it would start fifty authorizers at once.
    cloud.get("/v1/admin/tenants?limit=1").await?.expect(200)?;
    let answers = join_all((0..50).map(|_| cloud.provision(&slug, json!({})))).await;
    let mut tenants = BTreeSet::new();
    for answer in answers {
        tenants.insert(answer?.expect(202)?["tenant_id"].as_str().unwrap_or_default().to_owned());
    }
    let tenants: Vec<String> = tenants.into_iter().collect();
    let [tenant_id] = tenants.as_slice() else { anyhow::bail!("not exactly one tenant: {tenants:?}") };

    let status = cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
    assert_eq!(status.attempt, 1);
    let rows = "SELECT count(*) FROM control.tenants WHERE slug = $1";
    assert_eq!(cloud.control().await?.query_one(rows, &[&slug]).await?.get::<_, i64>(0), 1);
    assert_eq!(cloud.aws.executions_of(tenant_id).await?, [format!("{tenant_id}-1")]);
    let projects = cloud.projects(&slug, tenant_id).await?;
    assert_eq!(projects.len(), 1);
    assert_eq!(projects[0]["calls"]["create_project"], 1);
    assert_eq!(cloud.mails_to(&format!("admin@{slug}.example.com")).await?.len(), 1);
    assert_eq!((cloud.customers(tenant_id).await?.len(), cloud.subscriptions(tenant_id).await?.len()), (1, 1));
    assert_eq!(cloud.announced(&slug).await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn forty_simultaneous_tenants_all_become_active() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let slugs: Vec<String> = (0..40).map(|_| unique("many")).collect();
    try_join_all(slugs.iter().map(|slug| accepted(&cloud, slug))).await?;
    let live = slugs.iter().map(|slug| cloud.wait_until(slug, State::Active, Duration::from_mins(5)));
    for status in try_join_all(live).await? {
        assert_eq!(status.attempt, 1, "{status:?}");
    }
    for slug in &slugs {
        assert_eq!(cloud.announced(slug).await?.len(), 1, "{slug}");
    }
    Ok(())
}

/// Sends a request like one client of many: if the answer asks for another try later, it tries again.
async fn accepted(cloud: &Cloud, slug: &str) -> Result<()> {
    let end = Instant::now() + Duration::from_mins(1);
    Answer::served(end, || cloud.provision(slug, json!({}))).await?.expect(202).map(drop)
}
