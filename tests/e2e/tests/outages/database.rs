//! The control database is down.

use std::time::Duration;

use anyhow::Result;
use e2e::{State, unique, with_faults};
use fault_proxy::client::UpstreamState;
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{DOWN, ROUTES, World, in_time};

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn every_route_answers_503_in_time_and_works_again_at_once() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for state in DOWN {
            faults.set_state("postgres", state).await?;
            // The test runs once with open connections and once without.
            for _ in 0..2 {
                world.are_unavailable(&ROUTES).await?;
            }
            // Routes that do not need the database still work.
            in_time(cloud, cloud.request(Method::GET, "/v1/admin/lakehouse/health")).await?.expect(200)?;
            faults.set_state("postgres", UpstreamState::Up).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn processes_that_start_during_the_outage_answer_503_in_time_and_recover() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for state in DOWN {
            faults.set_state("postgres", state).await?;
            world.restart().await?;
            world.are_unavailable(&ROUTES).await?;
            faults.set_state("postgres", UpstreamState::Up).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_running_provisioning_survives_the_outage() -> Result<()> {
    with_faults(async |cloud, faults| {
        for state in DOWN {
            let slug = unique("outlasting");
            cloud.accepted(&slug, json!({})).await?;
            let begun = |status: &e2e::Status| status.step(2)["state"] != "pending";
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
