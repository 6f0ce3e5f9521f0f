//! `DynamoDB`, which keeps the answers for idempotency keys, is down.

use anyhow::{Result, ensure};
use e2e::{Cloud, unique, with_faults};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::json;

use crate::world::{KEYED, ROUTES, WAYS, World, in_time, take_down, unavailable};

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn requests_with_a_key_get_503_and_the_others_still_work() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for way in WAYS {
            let down = take_down(faults, "DynamoDB_20120810", None, way).await?;
            try_join_all(KEYED.map(async |route| unavailable(&world.call_keyed(route).await?))).await?;
            world.all_work().await?;
            // Nothing was done for a key that could not be stored.
            let slug = unique("unkept");
            let order = cloud.admin(Method::POST, "/v1/admin/tenants").json(&Cloud::order(&slug, &json!({})));
            unavailable(&in_time(cloud, order.header("idempotency-key", &slug)).await?)?;
            cloud.get(&format!("/v1/admin/tenants/{slug}")).await?.problem(404, "tenant_not_found")?;
            faults.mend(down).await?;
            for (route, status) in ROUTES.iter().filter(|(route, _)| KEYED.contains(route)) {
                let answer = world.call_keyed(route).await?;
                ensure!(answer.status == *status, "{route} does not work with a key: {answer:?}");
            }
        }
        Ok(())
    })
    .await
}
