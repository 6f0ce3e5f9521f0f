//! The steps of a purge. Whatever becomes of one, in the end nothing of the tenant is left, and one certificate says so.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::Cloud;
use fault_proxy::client::Match;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::actors::acts::Act;
use crate::actors::record_failure::no_permission;
use crate::actors::requests::{kill_if_asked, met, until};
use crate::effects::{Known, Subject};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness::{self, Testimony};

/// For the longest lease, and everything that waits for it.
const ENDS: Duration = Duration::from_mins(6);
/// A purge that gave up takes one more request.
const POSTS: u32 = 1;

/// The purge ends by its state machine's retries, or by one more request.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let cloud = &stage.cloud;
    let mut subject = switched_off(stage).await?;
    if act.name == "subscription" {
        let subscriptions = cloud.subscriptions(subject.tenant_id).await?;
        let id = subscriptions.first().and_then(|it| it["id"].as_str()).context("no subscription")?;
        id.clone_into(&mut subject.project_ref);
    }
    let rule = act.lay(stage, fault, &subject).await?;
    let (killed, posts) = tokio::join!(kill_if_asked(stage, fault, rule), ends(cloud, &subject));
    killed?;
    let posts = posts?;
    met(stage, rule).await?;
    Ok(Played { testimony: gone(cloud, &subject).await?, posts })
}

/// A purge gives up at a step, which is recorded once. The next request goes on there.
pub async fn play_failure(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let cloud = &stage.cloud;
    let subject = switched_off(stage).await?;
    let index = Match::request("DELETE", &format!("^/client_{}_v1", subject.slug));
    let forbidden = stage.lay("opensearch-us-east-1", index, no_permission(), u64::MAX).await?;
    let rule = act.lay(stage, fault, &subject).await?;
    asked(cloud, &subject).await?;
    let (killed, failed) = tokio::join!(kill_if_asked(stage, fault, rule), ended(cloud, &subject));
    killed?;
    let failed = failed?;
    let found = (&failed["state"], &failed["cause"]["code"]);
    ensure!(found == (&json!("failed"), &json!("opensearch_permission_missing")), "another end: {failed}");
    met(stage, rule).await?;
    stage.mend(forbidden).await?;
    let posts = ends(cloud, &subject).await?;
    let purge = cloud.purge_of(subject.tenant_id).await?;
    ensure!(purge["attempt"] == 2, "not the second try: {purge}");
    Ok(Played { testimony: gone(cloud, &subject).await?, posts })
}

/// A tenant with everything that a tenant has, which was switched off.
async fn switched_off(stage: &Stage) -> Result<Subject> {
    let cloud = &stage.cloud;
    let mut subject = stage.ordered(async |subject| Ok(subject)).await?;
    stage.goes_live(&subject).await?;
    stage.learn(Known::Environment, &mut subject).await?;
    cloud.namespace(&subject.slug, &json!({ "tenant_id": subject.tenant_id })).await?;
    until(204, async || cloud.deactivate(&subject.slug).await).await?;
    witness::settle(cloud, subject.tenant_id).await?;
    Ok(subject)
}

/// Asks for the purge, or for its next try, and has it approved by somebody else. An answer may be lost, like a client's.
async fn asked(cloud: &Cloud, subject: &Subject) -> Result<()> {
    let fields = json!({ "reason": "The matrix asks for it." });
    until(202, async || cloud.purge_confirmed(&subject.slug, &fields).await).await?;
    let end = Instant::now() + ENDS;
    while cloud.purge_of(subject.tenant_id).await.is_ok_and(|purge| purge["state"] == "waiting_approval") {
        ensure!(Instant::now() < end, "the purge is not approved");
        cloud.approve_purge(&subject.slug).await.ok();
    }
    Ok(())
}

/// Asks for the purge until it is done. Returns how many more requests it took.
async fn ends(cloud: &Cloud, subject: &Subject) -> Result<u32> {
    let mut posts = 0;
    loop {
        asked(cloud, subject).await?;
        let purge = ended(cloud, subject).await?;
        if purge["state"] == "done" {
            return Ok(posts);
        }
        let hint = purge["cause"]["hint"].as_str();
        ensure!(hint.is_some_and(|hint| !hint.is_empty()) && posts < POSTS, "not done: {purge}");
        posts += 1;
    }
}

async fn ended(cloud: &Cloud, subject: &Subject) -> Result<Value> {
    let end = Instant::now() + ENDS;
    loop {
        // An answer may be lost, like a client's.
        match cloud.purge_of(subject.tenant_id).await {
            Ok(purge) if purge["state"] != "running" => return Ok(purge),
            other => ensure!(Instant::now() < end, "the purge does not end: {other:?}"),
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Counts what is left.
async fn gone(cloud: &Cloud, subject: &Subject) -> Result<Testimony> {
    let (slug, id) = (&subject.slug, subject.tenant_id);
    let mut seen = Testimony::default();
    let projects = cloud.projects(slug, id).await?;
    seen.none("project", projects.iter().filter(|project| project["status"] != "REMOVED").count());
    let search = cloud.search()?;
    for (what, path) in [("index", format!("/client_{slug}_v1")), ("alias", format!("/_alias/client_{slug}"))] {
        seen.none(what, usize::from(search.status(&path).await? != 404));
    }
    let (mut falkordb, name) = (cloud.falkordb("us-east-1").await?, format!("client_{slug}"));
    let graphs: Vec<String> = redis::cmd("GRAPH.LIST").query_async(&mut falkordb).await?;
    seen.none("graph", graphs.iter().filter(|graph| **graph == name).count());
    let users: Vec<String> = redis::cmd("ACL").arg("USERS").query_async(&mut falkordb).await?;
    seen.none("graph user", users.iter().filter(|user| **user == name).count());
    seen.none("cache entry", usize::try_from(cloud.cached(slug, id).await?)?);
    seen.none("namespace", usize::from(cloud.has_namespace(&format!("ivory_tenant_{slug}")).await?));
    let subscriptions = cloud.subscriptions(id).await?;
    seen.none("subscription", subscriptions.iter().filter(|it| it["status"] != "canceled").count());
    seen.count("customer that is kept", cloud.customers(id).await?.len());
    let secret = format!("{}/tenants/{id}", cloud.secret_prefix()?);
    seen.none("secret that can be read", usize::from(cloud.aws.secret(&secret).await.is_ok()));

    let control = cloud.control().await?;
    let count = async |sql: &str| -> Result<usize> {
        Ok(usize::try_from(control.query_one(sql, &[&id]).await?.get::<_, i64>(0))?)
    };
    let certificates =
        "SELECT count(*) FROM control.purges WHERE tenant_id = $1 AND certificate IS NOT NULL AND slug_released";
    seen.count("certificate that releases the slug", count(certificates).await?);
    let finished = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.purge'";
    seen.count("purge audited", count(finished).await?);
    let twice =
        "SELECT count(*) FROM (SELECT FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.purge_resource'
                 GROUP BY before, after ->> 'outcome' HAVING count(*) > 1) AS twice";
    seen.none("resource audited twice", count(twice).await?);
    let live =
        "SELECT count(*) FROM control.resources WHERE tenant_id = $1 AND dead_at IS NULL AND kind <> 'stripe_customer'";
    seen.none("ledger row of what is gone", count(live).await?);
    Ok(seen)
}
