//! Step Functions is down.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Cloud, State, is_timestamp, unique, with_faults};
use reqwest::Method;
use serde_json::json;

use crate::world::{ROUTES, WAYS, World, in_time, take_down};

const LIVE: Duration = Duration::from_mins(2);

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_tenant_is_accepted_and_its_run_is_started_afterwards() -> Result<()> {
    with_faults(async |cloud, faults| {
        let mut waiting = Vec::new();
        for way in WAYS {
            let down = take_down(faults, "AWSStepFunctions", None, way).await?;
            let slug = unique("unstarted");
            let order = Cloud::order(&slug, &json!({ "tier": "pilot" }));
            // The tenant is recorded and its run is started later. A repeated request gets the same answer.
            for _ in 0..2 {
                let order = cloud.admin(Method::POST, "/v1/admin/tenants").json(&order);
                in_time(cloud, order).await?.expect(202)?;
            }
            let status = cloud.status(&slug).await?;
            assert_eq!((status.provisioning_state, status.attempt), (State::Provisioning, 1));
            let (step, cause) = (status.step(1), &status.step(1)["cause"]);
            ensure!(cause["code"] == "executions_unavailable" && cause["owner"] == "platform", "{way:?}: {step}");
            ensure!(step["state"] == "pending" && is_timestamp(&step["next_retry_at"]), "{step}");
            faults.mend(down).await?;
            waiting.push((slug, status.tenant_id));
        }
        // The second request has tried to start the run. The next try is made a minute later.
        let slugs: Vec<&str> = waiting.iter().map(|(slug, _)| slug.as_str()).collect();
        let idle =
            "UPDATE control.tenants SET touched_at = clock_timestamp() - interval '2 minutes' WHERE slug = ANY ($1)";
        assert_eq!(cloud.control().await?.execute(idle, &[&slugs]).await?, 3);
        let started = async || {
            for (_, tenant_id) in &waiting {
                if cloud.aws.execution(&cloud.aws.execution_arn(tenant_id, 1)).await?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        cloud.reconcile_until(started).await?;
        for (slug, tenant_id) in &waiting {
            let live = cloud.wait_until(slug, State::Active, LIVE).await?;
            ensure!(live.attempt == 1 && live.steps.iter().all(|step| step["cause"].is_null()), "{live:?}");
            assert_eq!(cloud.aws.executions_of(tenant_id).await?.len(), 1);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_tenant_can_be_deactivated_while_it_is_provisioned() -> Result<()> {
    with_faults(async |cloud, faults| {
        for way in WAYS {
            let slug = unique("unstopped");
            cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
            let down = take_down(faults, "AWSStepFunctions", None, way).await?;
            let path = format!("/v1/admin/tenants/{slug}");
            in_time(cloud, cloud.admin(Method::DELETE, &path)).await?.no_content()?;
            faults.mend(down).await?;
            assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Deprovisioned);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn routes_that_start_nothing_still_work() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for way in WAYS {
            let down = take_down(faults, "AWSStepFunctions", None, way).await?;
            world.work(&ROUTES).await?;
            faults.mend(down).await?;
        }
        Ok(())
    })
    .await
}
