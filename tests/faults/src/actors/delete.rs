//! `DELETE` of an active tenant, of one that is being provisioned, and during a step's effect.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Cloud, State};
use fault_proxy::client::When;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::actors::acts::Act;
use crate::actors::requests::{met, repeated, until};
use crate::effects::{Effect, Subject};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness::{self, Testimony};

/// An execution that was superseded has ended by then.
const ENDS: Duration = Duration::from_mins(2);

/// The client repeats its request until it is answered. Then the tenant is off, and nothing is billed.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let made = act.name != "stop";
    let (subject, pause) = stage.ordered_until(1).await?;
    if made {
        stage.mend(pause).await?;
        stage.goes_live(&subject).await?;
    }
    let rule = act.lay(stage, fault, &subject).await?;
    repeated(stage, fault, rule, 204, async || stage.cloud.deactivate(&subject.slug).await).await?;
    if !made {
        stage.mend(pause).await?;
    }
    met(stage, rule).await?;
    Ok(Played { testimony: off(stage, &subject, made).await?, posts: 0 })
}

/// The step's effect is held while the tenant is deactivated. Then it goes on.
pub async fn play_during(stage: &Stage, effect: &Effect, fault: Fault) -> Result<Played> {
    let (subject, rule) = stage.ordered_into(effect, fault).await?;
    stage.held(rule).await?;
    until(204, async || stage.cloud.deactivate(&subject.slug).await).await?;
    met(stage, rule).await?;
    let activated = effect.name == "activation" && fault.when == When::After;
    Ok(Played { testimony: off(stage, &subject, activated).await?, posts: 0 })
}

/// Checks that the tenant stays deactivated: its execution has ended, nothing is billed, nothing exists twice, and
/// nothing changes any more.
async fn off(stage: &Stage, subject: &Subject, was_live: bool) -> Result<Testimony> {
    let cloud = &stage.cloud;
    ended(cloud, subject).await?;
    witness::settle(cloud, subject.tenant_id).await?;
    let status = cloud.status(&subject.slug).await?;
    ensure!(status.provisioning_state == State::Deprovisioned, "not off: {status:?}");
    let before = witness::books_of(cloud, subject.tenant_id).await?;
    sleep(Duration::from_secs(3)).await;
    let after = witness::books_of(cloud, subject.tenant_id).await?;
    ensure!(before == after, "something changed afterwards: {before} became {after}");

    let mut seen = Testimony::default();
    let id = subject.tenant_id;
    seen.at_most_one("project", cloud.projects(&subject.slug, id).await?.len());
    seen.at_most_one("customer", cloud.customers(id).await?.len());
    let subscriptions = cloud.subscriptions(id).await?;
    seen.at_most_one("subscription", subscriptions.len());
    seen.none("subscription that is billed", subscriptions.iter().filter(|it| !ends(it)).count());
    seen.at_most_one("mail", cloud.mails_to(&format!("admin@{}.example.com", subject.slug)).await?.len());
    seen.none("graph user that is on", usize::from(witness::graph_user_is_on(cloud, subject).await?));
    let events = cloud.events_of(&subject.slug).await?.len();
    if was_live {
        seen.count("event", events);
    } else {
        seen.none("event", events);
    }
    let audited = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.deactivate'";
    let audited: i64 = cloud.control().await?.query_one(audited, &[&id]).await?.get(0);
    seen.count("deactivation audited", usize::try_from(audited)?);
    Ok(seen)
}

/// Whether a subscription is over, or ends with the period that is paid for.
pub fn ends(subscription: &Value) -> bool {
    subscription["status"] == "canceled" || subscription["cancel_at_period_end"] == true
}

async fn ended(cloud: &Cloud, subject: &Subject) -> Result<()> {
    let end = Instant::now() + ENDS;
    let arn = cloud.aws.execution_arn(subject.tenant_id, 1);
    while cloud.aws.execution(&arn).await?.is_some_and(|execution| execution["status"] == "RUNNING") {
        ensure!(Instant::now() < end, "the execution goes on");
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}
