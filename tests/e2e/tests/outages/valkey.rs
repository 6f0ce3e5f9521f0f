//! Valkey is down.

use std::time::Duration;

use anyhow::Result;
use e2e::{State, calls, unique, with_faults};
use fault_proxy::client::UpstreamState;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{DOWN, ROUTES, World, routes};

/// The routes that promise that a tenant's cache entry is removed.
const INVALIDATING: [&str; 3] = ["update-tenant", "deactivate-tenant", "invalidate-tenant-cache"];

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn routes_that_invalidate_answer_503_in_time_and_work_again_at_once() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for state in DOWN {
            faults.set_state("valkey", state).await?;
            for _ in 0..2 {
                world.are_unavailable(&routes(&ROUTES, &INVALIDATING, true)).await?;
            }
            world.work(&routes(&ROUTES, &INVALIDATING, false)).await?;
            faults.set_state("valkey", UpstreamState::Up).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_tenant_that_needs_valkey_becomes_active_after_the_outage() -> Result<()> {
    with_faults(async |cloud, faults| {
        for state in DOWN {
            let slug = unique("uncached");
            // This is the last call before Valkey is needed.
            let index = calls::index(&slug).times(1);
            let pause = faults.hold_answer("opensearch-us-east-1", index).await?;
            cloud.accepted(&slug, json!({})).await?;
            faults.held(pause).await?;
            faults.set_state("valkey", state).await?;
            faults.mend(pause).await?;
            sleep(Duration::from_secs(2)).await;
            faults.set_state("valkey", UpstreamState::Up).await?;
            let live = cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
            assert_eq!((live.attempt, cloud.announced(&slug).await?.len()), (1, 1));
        }
        Ok(())
    })
    .await
}
