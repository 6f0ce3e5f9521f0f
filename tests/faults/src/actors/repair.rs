//! A repair: what was broken by hand is as it was, once, however often the request had to be sent.

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Answer, Cloud};
use reqwest::Method;
use serde_json::{Value, json};

use crate::actors::acts::Act;
use crate::actors::requests::{met, repeated};
use crate::effects::{Known, Subject};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// How often a check is asked for at most: on a busy machine a system may not answer within its time.
const CHECKS: usize = 5;

/// What the act's effect brings back.
fn resource(act: &Act) -> &'static str {
    match act.name {
        "alias" => "search_alias",
        "cache" => "cache",
        "secret" => "keys",
        "migrations" | "commit" => "schema",
        "intent" | "subscription" => "subscription",
        _ => "graph_user",
    }
}

/// What a check finds that is not as it should be.
async fn wrong_parts(cloud: &Cloud, slug: &str) -> Result<Vec<Value>> {
    let mut parts: Vec<Value> = serde_json::from_value(cloud.check(slug).await?.expect(200)?)?;
    parts.retain(|part| part["state"] != "ok" && part["state"] != "not_needed");
    Ok(parts)
}

/// The client repeats its request until everything is as it should be.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let mut subject = stage.ordered(async |subject| Ok(subject)).await?;
    let (status, _) = stage.goes_live(&subject).await?;
    stage.learn(Known::Environment, &mut subject).await?;
    let (cloud, resource) = (&stage.cloud, resource(act));
    let laid_for = Subject { project_ref: broken(cloud, &subject, resource).await?, ..subject.clone() };
    let rule = act.lay(stage, fault, &laid_for).await?;
    repeated(stage, fault, rule, 200, async || mended(cloud.repair(&subject.slug, &[resource]).await?)).await?;
    met(stage, rule).await?;
    witness::settle(cloud, subject.tenant_id).await?;

    let mut wrong = wrong_parts(cloud, &subject.slug).await?;
    for _ in 1..CHECKS {
        if wrong.iter().all(|part| part["state"] != "not_asked") {
            break;
        }
        wrong = wrong_parts(cloud, &subject.slug).await?;
    }
    ensure!(wrong.is_empty(), "not as it was: {wrong:?}");
    let mut testimony = witness::of(cloud, &subject, &status).await?;
    let audited =
        "SELECT count(*) FILTER (WHERE action = 'tenant.repair'), count(*) FILTER (WHERE action = 'tenant.repaired')
                   FROM control.audit_log WHERE tenant_id = $1";
    let audited = cloud.control().await?.query_one(audited, &[&subject.tenant_id]).await?;
    let (begun, ended): (i64, i64) = (audited.get(0), audited.get(1));
    // Each try that got as far is there, and none ended that had not begun.
    testimony.count("repair audited", usize::from(ended >= 1 && begun >= ended));
    Ok(Played { testimony, posts: 0 })
}

/// An answer that says that a part was not mended is like none: the client sends the request again.
fn mended(answer: Answer) -> Result<Answer> {
    if answer.status == 200 {
        let done = answer.json()?;
        let is_done = |part: &Value| part["outcome"] == "mended" || part["outcome"] == "sound";
        if !done.as_array().is_some_and(|parts| parts.iter().all(is_done)) {
            bail!("not mended: {done}");
        }
    }
    Ok(answer)
}

/// Breaks the resource by hand. Returns what the calls that mend it name: the project, or the subscription.
async fn broken(cloud: &Cloud, subject: &Subject, resource: &str) -> Result<String> {
    let name = format!("client_{}", subject.slug);
    match resource {
        "search_alias" => {
            let remove = json!({ "actions": [{ "remove": { "index": format!("{name}_v1"), "alias": name } }] });
            cloud.search()?.call(Method::POST, "/_aliases", Some(&remove)).await?;
        }
        "cache" => cloud.cache(&subject.slug, subject.tenant_id).await?,
        "keys" => cloud.rotate_keys(&subject.project_ref).await?,
        "schema" => cloud.age_schema(subject.tenant_id, &subject.project_ref).await?,
        "subscription" => {
            let subscriptions = cloud.subscriptions(subject.tenant_id).await?;
            let id = subscriptions.first().and_then(|it| it["id"].as_str()).context("no subscription")?;
            let ends = [("cancel_at_period_end", "true")];
            cloud.stripe(Method::POST, &format!("/v1/subscriptions/{id}"), &ends).await?;
            return Ok(id.to_owned());
        }
        _ => {
            let off = ["SETUSER", name.as_str(), "off"];
            let mut falkordb = cloud.falkordb("us-east-1").await?;
            let _: redis::Value = redis::cmd("ACL").arg(&off).query_async(&mut falkordb).await?;
        }
    }
    Ok(subject.project_ref.clone())
}
