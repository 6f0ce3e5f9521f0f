//! Many tenants at once.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bench::pipeline::Crowd;
use e2e::{Cloud, unique};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::journal::{Invocation, Journal, used};
use crate::{alone, history};

/// How many clients ask for tenants.
const CLIENTS: usize = 20;
/// How long all tenants may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often it is looked whether they are live.
const LOOK: Duration = Duration::from_millis(100);

/// Makes tenants at once, and waits for the end of their executions.
pub async fn measure(cloud: &Cloud, journal: &Journal, tenants: usize) -> Result<Crowd> {
    let before = journal.read()?;
    let begun = Instant::now();
    let made = stream::iter(0..tenants).map(async |_| cloud.accepted(&unique("crowd"), json!({})).await);
    let ids: Vec<Uuid> = made.buffer_unordered(CLIENTS).try_collect().await?;
    let control = cloud.control().await?;
    let sql = "SELECT count(*) FILTER (WHERE provisioning_state = 'active'), max(slug) FILTER (WHERE provisioning_state = 'failed')
               FROM control.tenants WHERE tenant_id = ANY($1)";
    loop {
        let row = control.query_one(sql, &[&ids]).await?;
        let (active, failed): (i64, Option<String>) = (row.get(0), row.get(1));
        if let Some(failed) = failed {
            anyhow::bail!("the tenant {failed} failed: {:?}", cloud.status(&failed).await?);
        }
        if usize::try_from(active)? == tenants {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "{active} of {tenants} tenants are live");
        sleep(LOOK).await;
    }
    // Step 9 delivers after its transaction.
    for id in &ids {
        history::ended(cloud, *id).await?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let all = journal.read()?;
    let (known, now) = (used(&before), all.get(before.len()..).context("the journal is shorter than before")?);
    Ok(Crowd {
        tenants,
        seconds,
        processes: now.iter().filter(|one| one.step().is_some() && one.init.is_some()).count(),
        init_ms: by_step(now, |own| {
            let inits: Vec<_> = own.iter().filter_map(|one| one.init).collect();
            (!inits.is_empty()).then(|| alone::median(inits) * 1e3)
        }),
        cpu_ms: by_step(now, |own| {
            let own: Vec<_> = own.into_iter().cloned().collect();
            let spent: f64 =
                used(&own).iter().map(|(id, used)| used - known.get(id).copied().unwrap_or_default()).sum();
            spent * 1e3 / f64::from(u32::try_from(tenants).unwrap_or(u32::MAX))
        }),
    })
}

fn by_step<T>(invocations: &[Invocation], of: impl Fn(Vec<&Invocation>) -> T) -> Vec<T> {
    let own = |step| invocations.iter().filter(|one| one.step() == Some(step)).collect();
    (1..=9).map(|step| of(own(step))).collect()
}
