//! The check of the regions. A fault costs it nothing but the verdict of what it hit, stops no tenant, and leaves nothing
//! behind in the systems.

use std::time::Duration;

use anyhow::{Result, ensure};
use domain::names::REHEARSED;
use e2e::{Cloud, REGIONS};
use fault_proxy::client::RuleId;
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::actors::acts::Act;
use crate::actors::requests::{kill_if_asked, met};
use crate::effects::Subject;
use crate::fault::Fault;
use crate::stage::{Missed, Stage};
use crate::step_cell::Played;
use crate::witness::{Count, Testimony};

/// Long enough for checks that die or wait, one after the other.
const BROUGHT_ABOUT: Duration = Duration::from_mins(4);
/// Three systems of each region, the cache, the mail server, and the prices of two tiers.
const VERDICTS: u64 = 3 * REGIONS.len() as u64 + 4;

pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    // Every check is for all tenants, so the check of another cell may meet this one's fault.
    let nobody = Subject { slug: String::new(), tenant_id: Uuid::nil(), project_ref: String::new(), row: Uuid::nil() };
    let rule = act.lay(stage, fault, &nobody).await?;
    let (killed, checked) = tokio::join!(kill_if_asked(stage, fault, rule), checked(stage, rule));
    let found = checked?;
    if let Err(error) = killed {
        // One check meets the faults of several cells at once.
        let fired = stage.fired(rule).await? > 0;
        stage.mend(rule).await?;
        return Err(if fired { Missed("another cell killed the check first").into() } else { error });
    }
    met(stage, rule).await?;
    let mut seen = Testimony::default();
    seen.counts.push(Count { what: "system that is found usable", found, wanted: VERDICTS });
    seen.none("thing that a check left", left(&stage.cloud).await?);
    Ok(Played { testimony: seen, posts: 0 })
}

/// Has the regions checked, as the schedule does, until a check after the fault has found that everything is usable. Returns
/// how many systems it has found so.
async fn checked(stage: &Stage, rule: RuleId) -> Result<u64> {
    let end = Instant::now() + BROUGHT_ABOUT;
    loop {
        let over = stage.fired(rule).await? > 0;
        // If an invocation was killed or held, the cell has not failed.
        let answered = stage.cloud.aws.invoke("check-region", &json!({})).await.is_ok();
        let usable = usable(stage).await?;
        // The check of another cell may have met that cell's fault meanwhile.
        if over && answered && usable >= VERDICTS {
            return Ok(usable);
        }
        ensure!(Instant::now() < end, "not everything is found usable within {BROUGHT_ABOUT:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// How many systems are found usable. A fault never says that one is not.
async fn usable(stage: &Stage) -> Result<u64> {
    let sql =
        "SELECT count(*) FILTER (WHERE cause IS NULL), min(cause::text) FILTER (WHERE stops) FROM control.verdicts";
    let row = stage.cloud.control().await?.query_one(sql, &[]).await?;
    let (usable, stopping): (i64, Option<String>) = (row.get(0), row.get(1));
    ensure!(stopping.is_none(), "a fault stops tenants: {stopping:?}");
    Ok(usable.cast_unsigned())
}

/// What exists under the name of the rehearsal.
async fn left(cloud: &Cloud) -> Result<usize> {
    let mut found = 0;
    for region in REGIONS {
        let mut falkordb = cloud.falkordb(region).await?;
        let graphs: Vec<String> = redis::cmd("GRAPH.LIST").query_async(&mut falkordb).await?;
        let users: Vec<String> = redis::cmd("ACL").arg("USERS").query_async(&mut falkordb).await?;
        found += graphs.iter().chain(&users).filter(|name| *name == REHEARSED).count();
    }
    let indices = cloud.search()?.call(Method::GET, &format!("/_cat/indices/{REHEARSED}*?format=json"), None).await?;
    found += indices.as_array().map_or(0, Vec::len);
    let keys = format!("*{REHEARSED}*");
    let keys: Vec<String> = redis::cmd("KEYS").arg(keys).query_async(&mut cloud.valkey().await?).await?;
    Ok(found + keys.len())
}
