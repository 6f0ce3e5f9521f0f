//! No secret is where it does not belong: not in executions, not in logs, not in answers, not in the control database.
//!
//! Cargo runs test binaries in the order of their names. This one comes last and sees what all the others left behind.

mod haystacks;
mod needles;

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Cloud, State, unique};
use regex::Regex;
use serde_json::json;

#[tokio::test]
async fn no_secret_is_to_be_found() -> Result<()> {
    let Some(cloud) = Cloud::from_env()? else { return Ok(()) };
    // A whole life, in case no other test ran: refused, created, broken, resumed, live.
    let slug = unique("canary");
    cloud.provision(&slug, json!({ "region": "mars" })).await?.problem(422, "validation_failed")?;
    let tenant_id = cloud.accepted(&slug, json!({})).await?.to_string();
    cloud.impose(&cloud.environment(&slug).await?, "INIT_FAILED").await?;
    cloud.wait_until(&slug, State::Failed, Duration::from_mins(2)).await?;
    cloud.accepted(&slug, json!({})).await?;
    cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
    cloud.tenant(&slug).await?;

    let needles = needles::all(&cloud).await?;
    ensure!(needles.values().any(|name| name.contains(&tenant_id)), "the new tenant's secrets are not looked for");
    let pattern: Vec<String> = needles.keys().map(|needle| regex::escape(needle)).collect();
    let pattern = Regex::new(&pattern.join("|"))?;
    for (needle, name) in &needles {
        ensure!(pattern.is_match(&format!("\"{needle}\"")), "{name} would not be found");
    }
    let mut found = Vec::new();
    for (name, haystack) in haystacks::all(&cloud).await? {
        // What is known to be there is found there, or the search would prove nothing.
        ensure!(haystack.iter().any(|straw| straw.contains(&tenant_id)), "{name}: the tenant's own id is not in there");
        for straw in &haystack {
            for needle in pattern.find_iter(straw) {
                let around: String = straw.chars().take(200).collect();
                found.push(format!("{} in {name}: {}", needles[needle.as_str()], pattern.replace_all(&around, "***")));
            }
        }
        println!("{name}: {} entries", haystack.len());
    }
    ensure!(found.is_empty(), "{} secrets leaked:\n{}", found.len(), found.join("\n"));
    Ok(())
}
