//! A deprovisioned tenant is brought back: the request's effects, and those that the steps have only then.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::{Instant, sleep};

use crate::actors::acts::Act;
use crate::actors::requests::{kill_if_asked, met};
use crate::effects::{Known, Subject};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// How long a client repeats its request.
const REPEATED: Duration = Duration::from_mins(2);

/// The client repeats its request until it is accepted. Then the tenant is what it was, and its graph's user is on.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let cloud = &stage.cloud;
    let subject = deprovisioned(stage).await?;
    let rule = act.lay(stage, fault, &subject).await?;
    let (killed, accepted) = tokio::join!(kill_if_asked(stage, fault, rule), restored(stage, &subject));
    killed.and(accepted)?;
    let (status, posts) = stage.goes_live(&subject).await?;
    met(stage, rule).await?;

    let mut testimony = witness::of(cloud, &subject, &status).await?;
    testimony.count("event of the restore", cloud.events_in("iam:tenants:restored", &subject.slug).await?.len());
    testimony.count("graph user that is on", usize::from(witness::graph_user_is_on(cloud, &subject).await?));
    let opens = cloud.graph_user(&subject.slug, subject.tenant_id).await.is_ok();
    testimony.count("password that opens the graph", usize::from(opens));
    let subscriptions = cloud.subscriptions(subject.tenant_id).await?;
    let goes_on = subscriptions.iter().filter(|it| it["status"] == "active" && it["cancel_at_period_end"] == false);
    testimony.count("subscription that goes on", goes_on.count());
    let audited = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.restore'";
    let audited: i64 = cloud.control().await?.query_one(audited, &[&subject.tenant_id]).await?.get(0);
    testimony.count("restore audited", usize::try_from(audited)?);
    Ok(Played { testimony, posts })
}

/// Sends the request until it is accepted, like a client that gets no answer or a 503. If an earlier request was accepted and
/// its answer lost, the tenant may be active by now.
async fn restored(stage: &Stage, subject: &Subject) -> Result<()> {
    let end = Instant::now() + REPEATED;
    let mut unanswered = false;
    loop {
        match stage.cloud.restore(&subject.slug).await {
            Ok(answer) if answer.status == 202 => return Ok(()),
            Ok(answer) if unanswered && answer.problem(409, "tenant_not_deprovisioned").is_ok() => return Ok(()),
            Ok(answer) if answer.status < 500 && answer.header("retry-after").is_none() => {
                bail!("not accepted: {answer:?}")
            }
            answer => ensure!(Instant::now() < end, "not accepted: {answer:?}"),
        }
        unanswered = true;
        sleep(stage.pace.look).await;
    }
}

/// A tenant that was active and is deprovisioned: its user is off, its subscription ends, and nothing is left to be done.
async fn deprovisioned(stage: &Stage) -> Result<Subject> {
    let subject = stage.ordered(async |subject| Ok(subject)).await?;
    stage.goes_live(&subject).await?;
    let subscriptions = stage.cloud.subscriptions(subject.tenant_id).await?;
    let subscription = subscriptions.first().and_then(|it| it["id"].as_str()).context("no subscription")?;
    let mut subject = Subject { project_ref: subscription.to_owned(), ..subject };
    stage.cloud.deactivate(&subject.slug).await?.no_content()?;
    witness::settle(&stage.cloud, subject.tenant_id).await?;
    ensure!(!witness::graph_user_is_on(&stage.cloud, &subject).await?, "the user is still on");
    stage.learn(Known::Intent("graph"), &mut subject).await?;
    Ok(subject)
}
