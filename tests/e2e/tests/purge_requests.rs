//! Who may have a tenant purged, and when: `POST /v1/admin/tenants/{slug}/purge`, its approval, its plan and its status. What a purge
//! then does to each system is in other tests.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, State, is_timestamp, unique};
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const SOON: Duration = Duration::from_mins(2);

fn pilot() -> Value {
    json!({ "tier": "pilot" })
}

fn confirmed(slug: &str) -> Value {
    json!({ "confirm": slug })
}

/// A tenant that is switched off, without having waited for it to be live.
async fn off(cloud: &Cloud, name: &str, overrides: Value) -> Result<(String, Uuid)> {
    let slug = unique(name);
    let tenant_id = cloud.accepted(&slug, overrides).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    Ok((slug, tenant_id))
}

async fn audited(cloud: &Cloud, tenant_id: Uuid, action: &str) -> Result<i64> {
    let sql = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = $2";
    Ok(cloud.control().await?.query_one(sql, &[&tenant_id, &action]).await?.get(0))
}

/// What a 202 says of a purge.
fn accepted(answer: &Answer, slug: &str, tenant_id: Uuid, state: &str, request: &str) -> Result<Value> {
    let poll_url = format!("/v1/admin/purges/{tenant_id}");
    let accepted = answer.expect(202)?;
    ensure!(answer.header("location").is_some_and(|location| location.ends_with(&poll_url)), "{answer:?}");
    let found = (&accepted["slug"], &accepted["purge"]["state"], &accepted["request"], &accepted["poll_url"]);
    assert_eq!(found, (&json!(slug), &json!(state), &json!(request), &json!(poll_url)), "{accepted}");
    Ok(accepted)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_wrong_confirmation_is_refused_before_the_state_is_looked_at() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let slug = unique("unconfirmed");
    cloud.accepted(&slug, pilot()).await?;
    for route in ["purge", "purge/approval"] {
        for body in
            [json!({}), json!({ "confirm": "another-bank" }), json!({ "confirm": null }), json!({ "confirm": true })]
        {
            let answer = cloud.purge_call(&slug, route, &body).await?;
            ensure!(answer.invalid()?.contains_key("confirm"), "{answer:?}");
        }
    }
    let both = json!({ "confirm": slug, "customer": "forget", "data": 1, "reason": "", "force": true });
    let errors = cloud.purge_call(&slug, "purge", &both).await?.invalid()?;
    assert_eq!(errors.keys().map(String::as_str).collect::<Vec<_>>(), ["customer", "data", "force", "reason"]);
    // Whoever confirms is told about the state, or that there is no such tenant.
    cloud.purge(&slug, &confirmed(&slug)).await?.problem(409, "tenant_not_deprovisioned")?;
    cloud.approve(&slug).await?.problem(409, "tenant_not_deprovisioned")?;
    let absent = unique("absent");
    cloud.purge(&absent, &confirmed(&absent)).await?.problem(404, "tenant_not_found")?;
    cloud.approve(&absent).await?.problem(404, "tenant_not_found")?;
    cloud.wait_until(&slug, State::Active, SOON).await?;
    cloud.purge(&slug, &confirmed(&slug)).await?.problem(409, "tenant_not_deprovisioned")?;
    let plan = cloud.get(&format!("/v1/admin/tenants/{slug}/purge-plan")).await?.expect(200)?;
    assert_eq!((&plan["may_begin"], &plan["obstacle"]), (&json!(false), &json!("tenant_not_deprovisioned")));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn nobody_purges_under_a_hold() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let (slug, tenant_id) = off(&cloud, "held", json!({})).await?;
    let asked = json!({ "confirm": slug, "reason": "a test" });
    accepted(&cloud.purge(&slug, &asked).await?, &slug, tenant_id, "waiting_approval", "asked")?;
    cloud.hold(&slug, "litigation").await?.expect(200)?;
    cloud.purge(&slug, &asked).await?.problem(409, "tenant_held")?;
    cloud.approve_purge(&slug).await?.problem(409, "tenant_held")?;
    let plan = cloud.get(&format!("/v1/admin/tenants/{slug}/purge-plan")).await?.expect(200)?;
    assert_eq!(plan["obstacle"], "tenant_held");
    let record = cloud.tenant(&slug).await?;
    assert_eq!(
        (&record["hold"]["reason"], &record["purge"]["state"]),
        (&json!("litigation"), &json!("waiting_approval"))
    );
    assert!(is_timestamp(&record["purge"]["requested_at"]), "{record}");
    cloud.release(&slug).await?.no_content()?;
    accepted(&cloud.purge(&slug, &asked).await?, &slug, tenant_id, "waiting_approval", "found")?;
    assert!(cloud.aws.purge_executions_of(tenant_id).await?.is_empty(), "nothing has begun");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_retrieval_period_comes_first() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    // Of a paid tier it is 30 days, whatever the installation says.
    let (slug, tenant_id) = off(&cloud, "early", json!({})).await?;
    let refused = cloud.purge(&slug, &confirmed(&slug)).await?.problem(409, "retrieval_period")?;
    ensure!(refused["detail"].as_str().is_some_and(|detail| detail.contains("reason")), "{refused}");
    let plan = cloud.get(&format!("/v1/admin/tenants/{slug}/purge-plan")).await?.expect(200)?;
    let needs = (&plan["may_begin"], &plan["needs_reason"], &plan["needs_approval"], &plan["obstacle"]);
    assert_eq!(needs, (&json!(true), &json!(true), &json!(true), &Value::Null));
    assert!(is_timestamp(&plan["retrieval_until"]), "{plan}");
    let asked = json!({ "confirm": slug, "reason": "the bank asked for it" });
    accepted(&cloud.purge(&slug, &asked).await?, &slug, tenant_id, "waiting_approval", "asked")?;

    // The installation's own nobody shortens.
    let (slug, _) = off(&cloud, "fresh", pilot()).await?;
    let reason = json!({ "confirm": slug, "reason": "the bank asked for it" });
    let answers = with_environment(&cloud, "PURGE_RETRIEVAL_DAYS", "1", async || {
        Ok((cloud.purge(&slug, &confirmed(&slug)).await?, cloud.purge(&slug, &reason).await?))
    })
    .await?;
    for answer in [answers.0, answers.1] {
        answer.problem(409, "retrieval_period")?;
    }
    cloud.get(&format!("/v1/admin/purges/{slug}")).await?.problem(404, "purge_not_found")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn another_consumer_approves_and_the_same_one_cannot() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = off(&cloud, "four-eyes", pilot()).await?;
    cloud.approve(&slug).await?.problem(409, "purge_not_waiting")?;
    let _alone = e2e::alone().await;
    let asked =
        with_environment(&cloud, "PURGE_APPROVAL", "true", async || cloud.purge(&slug, &confirmed(&slug)).await)
            .await?;
    let asked = accepted(&asked, &slug, tenant_id, "waiting_approval", "asked")?;
    assert_eq!(
        (&asked["purge"]["point_of_no_return"], &asked["purge"]["no_return_at"]),
        (&json!("purge_3"), &Value::Null)
    );
    cloud.approve(&slug).await?.problem(409, "same_consumer")?;
    with_another_key(&cloud, async |key| cloud.approve_as(&slug, key).await?.problem(409, "same_consumer").map(drop))
        .await?;
    cloud.approve_as(&slug, &cloud.auditor_key).await?.problem(403, "forbidden")?;
    // What was asked for anew is not what was read.
    let stale = cloud.tenant_version(&slug).await?;
    let other = json!({ "confirm": slug, "data": "keep" });
    let replaced =
        with_environment(&cloud, "PURGE_APPROVAL", "true", async || cloud.purge(&slug, &other).await).await?;
    accepted(&replaced, &slug, tenant_id, "waiting_approval", "asked")?;
    let path = format!("/v1/admin/tenants/{slug}/purge/approval");
    let approval = cloud.request(Method::POST, &path).header("x-api-key", &cloud.deputy_key).json(&confirmed(&slug));
    cloud.send(approval.header("if-match", &stale)).await?.problem(412, "version_mismatch")?;
    let approved = cloud.approve_purge(&slug).await?;
    accepted(&approved, &slug, tenant_id, "running", "started")?;
    assert_eq!(approved.json()?["policies"], json!({ "customer": "keep", "data": "keep" }));
    // Its answer may have been lost. Sent again, it finds the purge, as long as that runs.
    let again = cloud.approve_purge(&slug).await?;
    ensure!(again.status == 202 || again.problem(409, "tenant_purged").is_ok(), "{again:?}");
    let status = cloud.get(&format!("/v1/admin/purges/{tenant_id}")).await?.expect(200)?;
    let names = (status["requested_by"].as_str(), status["approved_by"].as_str());
    ensure!(
        names.0.is_some_and(|by| by.starts_with("api_key:platform-admin#"))
            && names.1.is_some_and(|by| by.starts_with("api_key:platform-deputy#")),
        "{status}"
    );
    assert_eq!(
        (
            audited(&cloud, tenant_id, "tenant.purge_request").await?,
            audited(&cloud, tenant_id, "tenant.purge_approve").await?
        ),
        (2, 1)
    );
    assert_eq!(cloud.aws.purge_executions_of(tenant_id).await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_request_that_is_repeated_begins_one_purge() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let (slug, tenant_id) = off(&cloud, "repeated", pilot()).await?;
    let path = format!("/v1/admin/tenants/{slug}/purge");
    let key = unique("key");
    let post = async |body: &Value| {
        cloud.send(cloud.admin(Method::POST, &path).header("idempotency-key", &key).json(body)).await
    };
    let first = post(&confirmed(&slug)).await?;
    accepted(&first, &slug, tenant_id, "running", "started")?;
    let replayed = post(&confirmed(&slug)).await?;
    assert_eq!((replayed.expect(202)?, replayed.header("idempotency-replayed")), (first.json()?, Some("true")));
    post(&json!({ "confirm": slug, "data": "keep" })).await?.problem(422, "idempotency_key_reused")?;
    // Without the key it finds the purge, as long as that runs; with other policies it is another purge.
    let found = cloud.purge(&slug, &confirmed(&slug)).await?;
    let other = cloud.purge(&slug, &json!({ "confirm": slug, "customer": "delete" })).await?;
    if found.status == 202 {
        ensure!(["found", "resumed"].contains(&found.json()?["request"].as_str().unwrap_or_default()), "{found:?}");
    } else {
        ensure!(
            found.problem(409, "tenant_purged").is_ok() || found.problem(404, "tenant_not_found").is_ok(),
            "{found:?}"
        );
    }
    ensure!(
        other.problem(409, "immutable_field").is_ok()
            || other.problem(409, "tenant_purged").is_ok()
            || other.problem(404, "tenant_not_found").is_ok(),
        "{other:?}"
    );
    assert_eq!(audited(&cloud, tenant_id, "tenant.purge_request").await?, 1);
    let status = cloud.get(&format!("/v1/admin/purges/{tenant_id}")).await?.expect(200)?;
    assert_eq!((&status["slug"], status["steps"].as_array().map(Vec::len)), (&json!(slug), Some(8)));
    // It runs, or it is over: either way the tenant does not come back by accident.
    let restored = cloud.restore(&slug).await?;
    ensure!([404, 409].contains(&restored.status), "{restored:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_purge_that_waits_is_withdrawn_by_a_restore() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let (slug, tenant_id) = off(&cloud, "changed-mind", json!({})).await?;
    let asked = json!({ "confirm": slug, "reason": "a mistake" });
    accepted(&cloud.purge(&slug, &asked).await?, &slug, tenant_id, "waiting_approval", "asked")?;
    // The step that was at work when it was switched off may not have ended yet.
    let busy = |answer: &Answer| answer.later(409, "operation_in_progress", "5").is_ok();
    Answer::repeated(Instant::now() + SOON, busy, || cloud.restore(&slug)).await?.expect(202)?;
    let status = cloud.get(&format!("/v1/admin/purges/{tenant_id}")).await?.expect(200)?;
    assert_eq!(status["state"], "withdrawn");
    cloud.wait_until(&slug, State::Active, SOON).await?;
    assert_eq!(cloud.tenant(&slug).await?["purge"], Value::Null);
    // The next one is another request, with another execution, whose period begins anew.
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.purge(&slug, &confirmed(&slug)).await?.problem(409, "retrieval_period")?;
    accepted(&cloud.purge(&slug, &asked).await?, &slug, tenant_id, "waiting_approval", "asked")?;
    let status = cloud.get(&format!("/v1/admin/purges/{slug}")).await?.expect(200)?;
    assert_eq!((&status["attempt"], &status["reason"]), (&json!(2), &json!("a mistake")));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_plan_names_everything_that_the_ledger_has() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let (slug, _) = cloud.live("planned", json!({})).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    let path = format!("/v1/admin/tenants/{slug}/purge-plan");
    let plan = cloud.get(&format!("{path}?customer=delete&data=keep")).await?.expect(200)?;
    assert_eq!(
        (&plan["point_of_no_return"], &plan["policies"]),
        (&json!("purge_2"), &json!({ "customer": "delete", "data": "keep" }))
    );
    let planned = plan["resources"].as_array().context("resources")?;
    let of = |kind: &str| {
        planned.iter().find(|resource| resource["kind"] == kind).with_context(|| format!("no {kind}: {plan}"))
    };
    for (kind, action) in [
        ("cache_entries", "delete"),
        ("api_keys", "delete"),
        ("search_alias", "delete"),
        ("stripe_customer", "delete"),
        ("search_index", "delete"),
        ("graph", "delete"),
        ("graph_user", "delete"),
        ("supabase_project", "delete"),
        ("tenant_secret", "schedule"),
    ] {
        assert_eq!((&of(kind)?["action"], &of(kind)?["known"]), (&json!(action), &json!(true)), "{kind}");
    }
    assert_eq!((&of("namespace")?["known"], &of("graph")?["reversible"]), (&json!(false), &json!(false)));
    let resources = cloud.get(&format!("/v1/admin/tenants/{slug}/resources")).await?.expect(200)?;
    let project =
        resources.as_array().into_iter().flatten().find(|it| it["kind"] == "supabase_project").context("a project")?;
    assert_eq!(of("supabase_project")?["external_id"], project["external_id"]);
    let kept = cloud.get(&path).await?.expect(200)?;
    let customer = kept["resources"].as_array().into_iter().flatten().find(|it| it["kind"] == "stripe_customer");
    assert_eq!(customer.context("a customer")?["action"], "keep");
    for query in ["customer=forget", "data=lose", "slug=x", "customer=keep&customer=delete"] {
        cloud.get(&format!("{path}?{query}")).await?.invalid()?;
    }
    Ok(())
}

/// Lets the consumer that the tests are have another key while the test uses it.
async fn with_another_key(cloud: &Cloud, test: impl AsyncFnOnce(&str) -> Result<()>) -> Result<()> {
    let secret = format!("{}/control/callers", cloud.secret_prefix()?);
    let known = cloud.aws.secret(&secret).await?;
    let digested = |key: &str| json!(format!("sha256:{}", hex::encode(digest(&SHA256, key.as_bytes()))));
    let (key, mine) = (unique("a-long-and-random-key"), digested(&cloud.admin_key));
    let mut more = known.clone();
    let consumers = more["consumers"].as_array_mut().context("consumers")?;
    let mut keys = consumers.iter_mut().filter_map(|consumer| consumer["keys"].as_array_mut());
    keys.find(|keys| keys.contains(&mine)).context("no such key")?.push(digested(&key));
    cloud.aws.put_secret(&secret, &more).await?;
    let outcome = async {
        let end = Instant::now() + Duration::from_secs(20);
        // The authorizer has the secret as it was, for up to 10 s.
        while cloud.send(cloud.request(Method::GET, "/v1/admin/me").header("x-api-key", &key)).await?.status == 401 {
            ensure!(Instant::now() < end, "the key is not known");
            sleep(Duration::from_secs(1)).await;
        }
        test(&key).await
    };
    let outcome = outcome.await;
    cloud.aws.put_secret(&secret, &known).await?;
    outcome
}

/// What `test` gets while the route that purges has this setting. Its function is started anew, which cuts off whoever calls it just
/// then: every test here is [`e2e::alone`].
async fn with_environment<T>(
    cloud: &Cloud,
    variable: &str,
    value: &str,
    test: impl AsyncFnOnce() -> Result<T>,
) -> Result<T> {
    const FUNCTION: &str = "purge-tenant";
    let before = cloud.aws.environment_of(FUNCTION).await?;
    let mut other = before.clone();
    other[variable] = json!(value);
    cloud.aws.set_environment_of(FUNCTION, &other).await?;
    let outcome = test().await;
    cloud.aws.set_environment_of(FUNCTION, &before).await?;
    outcome
}
