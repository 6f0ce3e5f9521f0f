//! Tenants one after the other.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bench::pipeline::{Alone, Entered, Spent};
use e2e::{Cloud, unique};
use fault_proxy::client::Client;
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::history;
use crate::journal::{Invocation, Journal};
use crate::outside::{self, Span};

/// How long a tenant may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often it is looked whether it is live. The API is not asked: its functions would be at work meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// So long the reconciler and other functions may take that have no part in it.
const REST: Duration = Duration::from_millis(300);

/// Makes a tenant, and waits for the end of its execution.
pub async fn make(cloud: &Cloud) -> Result<(String, Uuid)> {
    let slug = unique("alone");
    let tenant_id = cloud.accepted(&slug, json!({})).await?;
    let (control, end) = (cloud.control().await?, Instant::now() + PATIENCE);
    let sql = "SELECT provisioning_state FROM control.tenants WHERE tenant_id = $1";
    while control.query_one(sql, &[&tenant_id]).await?.get::<_, &str>(0) != "active" {
        ensure!(Instant::now() < end, "{slug} is not live: {:?}", cloud.status(&slug).await?);
        sleep(LOOK).await;
    }
    history::ended(cloud, tenant_id).await?;
    Ok((slug, tenant_id))
}

/// What one tenant cost.
struct One {
    steps: Vec<Spent>,
    all: Spent,
    execution_ms: f64,
    entered: Entered,
}

/// Makes tenants, and says what each cost.
pub async fn measure(cloud: &Cloud, proxy: &Client, journal: &Journal, tenants: usize) -> Result<Alone> {
    let mut measured = Vec::new();
    for _ in 0..tenants {
        sleep(REST).await;
        measured.push(one(cloud, proxy, journal).await?);
    }
    let of = |value: &dyn Fn(&One) -> f64| median(measured.iter().map(value).collect());
    Ok(Alone {
        tenants,
        steps: (0..9).map(|step| medians(measured.iter().map(|one| one.steps[step]))).collect(),
        all: medians(measured.iter().map(|one| one.all)),
        execution_ms: of(&|one| one.execution_ms),
        entered: Entered {
            tasks: of(&|one| one.entered.tasks),
            choices: of(&|one| one.entered.choices),
            waits: of(&|one| one.entered.waits),
            retries: of(&|one| one.entered.retries),
        },
    })
}

async fn one(cloud: &Cloud, proxy: &Client, journal: &Journal) -> Result<One> {
    proxy.clear_log().await?;
    let before = journal.read()?.len();
    let (_, tenant_id) = make(cloud).await?;
    let (calls, all) = (proxy.log(None).await?.calls, journal.read()?);
    let now = all.get(before..).context("the journal is shorter than before")?;
    let calls = outside::of(now, &calls);
    let steps: Vec<Spent> = (1..=9)
        .map(|step| {
            spent(calls.iter().filter(|(one, _)| one.step() == Some(step)).map(|(one, spans)| (*one, &**spans)))
        })
        .collect();
    ensure!(steps.iter().all(|step| step.invocations > 0.0), "a step is not in the journal");
    let all = spent(calls.iter().filter(|(one, _)| one.step().is_some()).map(|(one, spans)| (*one, &**spans)));
    let history = cloud.aws.history(&cloud.aws.execution_arn(tenant_id, 1)).await?;
    let (entered, execution_ms) = history::entered(&history)?;
    Ok(One { steps, all, execution_ms, entered })
}

fn spent<'a>(invocations: impl Iterator<Item = (&'a Invocation, &'a [Span])>) -> Spent {
    let mut spent = Spent::default();
    for (one, spans) in invocations {
        let of = |log_ins: bool| spans.iter().filter(move |span| span.is_log_in == log_ins);
        // The same log-in may be under way while the first call of another connection is.
        let (calls, both) = (outside::under_way(of(false).copied()), outside::under_way(spans.iter().copied()));
        spent.invocations += 1.0;
        spent.wall_ms += (one.answered - one.given) * 1e3;
        spent.cpu_ms += (one.after - one.before) * 1e3;
        spent.calls += number(of(false).count());
        spent.outside_ms += calls;
        spent.log_ins += number(of(true).count());
        spent.log_in_ms += both - calls;
    }
    spent
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn medians(spent: impl Iterator<Item = Spent>) -> Spent {
    let spent: Vec<Spent> = spent.collect();
    let of = |value: fn(&Spent) -> f64| median(spent.iter().map(value).collect());
    Spent {
        invocations: of(|one| one.invocations),
        wall_ms: of(|one| one.wall_ms),
        cpu_ms: of(|one| one.cpu_ms),
        calls: of(|one| one.calls),
        outside_ms: of(|one| one.outside_ms),
        log_ins: of(|one| one.log_ins),
        log_in_ms: of(|one| one.log_in_ms),
    }
}

/// The smallest value that at least half of all do not exceed.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().div_ceil(2).saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
