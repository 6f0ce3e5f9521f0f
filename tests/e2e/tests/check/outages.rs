//! One system is down: its parts are not asked for, all others are, and the answer comes in time.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Lakehouse, with_faults};
use fault_proxy::client::UpstreamState;
use serde_json::json;
use tokio::time::Instant;

use crate::{Found, PARTS, repaired};

/// The systems, with the parts that they have.
const SYSTEMS: [(&str, &[&str]); 7] = [
    ("supabase", &["project", "keys"]),
    ("pooler", &["schema", "seed", "invitation"]),
    ("falkordb-us-east-1", &["graph", "graph_user"]),
    ("opensearch-us-east-1", &["search_index", "search_alias"]),
    ("stripe", &["customer", "subscription", "price"]),
    ("valkey", &["cache"]),
    ("iomete", &["namespace"]),
];

/// Every answer of the check arrives within this time.
const ANSWERED: Duration = Duration::from_secs(5);

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn what_cannot_be_asked_is_said() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (slug, tenant_id) = cloud.live("asked", json!({})).await?;
        let lakehouse = Lakehouse::of(cloud, tenant_id, &slug).await?;
        lakehouse.upsert(&json!({})).await?.expect(201)?;
        lakehouse.register(&json!({})).await?.expect(201)?;
        cloud.namespace(reqwest::Method::POST, &format!("ivory_tenant_{slug}")).await?;
        // The first call starts the function's process.
        let found = Found::of(cloud, &slug).await?;
        ensure!(found.unsound().is_empty(), "{}", found.0);
        for (system, parts) in SYSTEMS {
            for state in [UpstreamState::Refuse, UpstreamState::Silent] {
                faults.set_state(system, state).await?;
                let asked = Instant::now();
                let found = Found::of(cloud, &slug).await?;
                ensure!(asked.elapsed() < ANSWERED, "{system} {state:?}: {:?}", asked.elapsed());
                for part in PARTS {
                    if parts.contains(&part) {
                        found.is(part, "not_asked")?;
                        let code = found.part(part)?["code"].as_str().unwrap_or_default().to_owned();
                        found.says(part, &code)?;
                    } else {
                        ensure!(!found.unsound().contains(&part), "{system} {state:?}: {part}: {}", found.0);
                    }
                }
                faults.set_state(system, UpstreamState::Up).await?;
            }
        }
        let found = Found::of(cloud, &slug).await?;
        ensure!(found.unsound().is_empty(), "{}", found.0);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_system_that_is_down_fails_its_own_repair_only() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (slug, tenant_id) = cloud.live("apart", json!({})).await?;
        let mut falkordb = cloud.falkordb("us-east-1").await?;
        let off = ["SETUSER", &format!("client_{slug}"), "off"];
        let _: redis::Value = redis::cmd("ACL").arg(&off).query_async(&mut falkordb).await?;
        cloud.cache(&slug, tenant_id).await?;
        for state in [UpstreamState::Refuse, UpstreamState::Silent] {
            faults.set_state("falkordb-us-east-1", state).await?;
            let done = cloud.repair(&slug, &["graph_user", "cache"]).await?.expect(200)?;
            assert_eq!(done[0]["outcome"], "failed", "{done}");
            ensure!(done[0]["hint"].is_string() && done[0]["after"][0]["state"] == "not_asked", "{done}");
            ensure!(done[1]["outcome"] == "mended" || done[1]["outcome"] == "sound", "{done}");
            faults.set_state("falkordb-us-east-1", UpstreamState::Up).await?;
        }
        let done = repaired(cloud, &slug, "graph_user").await?;
        assert_eq!(done["outcome"], "mended", "{done}");
        let found = Found::of(cloud, &slug).await?;
        ensure!(found.unsound().is_empty(), "{}", found.0);
        Ok(())
    })
    .await
}
