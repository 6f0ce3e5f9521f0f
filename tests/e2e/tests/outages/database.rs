//! The control database is down.

use std::time::Duration;

use anyhow::Result;
use e2e::{State, unique, with_faults};
use fault_proxy::client::UpstreamState;
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{ROUTES, World, in_time, unavailable};

const STATES: [UpstreamState; 2] = [UpstreamState::Refuse, UpstreamState::Silent];

#[tokio::test]
async fn every_route_says_so_in_time_and_works_again_at_once() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for state in STATES {
            faults.set_state("postgres", state).await?;
            // Once with connections that were open, once without.
            for _ in 0..2 {
                world.are_unavailable(&ROUTES).await?;
            }
            // Whoever does not need it does not notice.
            in_time(cloud, cloud.request(Method::GET, "/v1/admin/lakehouse/health")).await?.expect(200)?;
            faults.set_state("postgres", UpstreamState::Up).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_process_that_starts_meanwhile_says_so_in_time_and_works_afterwards() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for state in STATES {
            faults.set_state("postgres", state).await?;
            for route in ["get-tenant", "update-tenant", "list-catalogs"] {
                cloud.aws.restart(route).await?;
                unavailable(&world.call(route).await?)?;
            }
            faults.set_state("postgres", UpstreamState::Up).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_tenant_on_its_way_goes_live_all_the_same() -> Result<()> {
    with_faults(async |cloud, faults| {
        for state in STATES {
            let slug = unique("outlasting");
            cloud.accepted(&slug, json!({})).await?;
            let begun = |status: &e2e::Status| status.step(2)["state"] == "waiting";
            cloud.wait_for(&slug, Duration::from_secs(30), begun).await?;
            faults.set_state("postgres", state).await?;
            sleep(Duration::from_secs(10)).await;
            faults.set_state("postgres", UpstreamState::Up).await?;
            let live = cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
            assert_eq!(live.attempt, 1);
        }
        Ok(())
    })
    .await
}
