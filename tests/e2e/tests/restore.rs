//! `POST /v1/admin/tenants/{slug}/restore` brings a deprovisioned tenant back, unless it is under a legal hold:
//! `PUT` and `DELETE /v1/admin/tenants/{slug}/hold`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{ALL_KEYS, Access, Answer, Cloud, State, Status, calls, is_timestamp, read_graph, unique, with_faults};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const SOON: Duration = Duration::from_mins(2);
const PILOT: &str = "pilot";

fn pilot() -> Value {
    json!({ "tier": PILOT })
}

/// Fails unless the tenant is coming back by this request.
fn check_accepted(answer: &Answer, slug: &str, tenant_id: Uuid) -> Result<()> {
    let status = format!("/v1/admin/tenants/{slug}/status");
    let accepted = answer.expect(202)?;
    let expected = json!({
        "tenant_id": tenant_id, "slug": slug, "provisioning_state": "provisioning", "poll_url": status, "run": "restored",
    });
    assert_eq!(accepted, expected);
    ensure!(answer.header("location").is_some_and(|location| location.ends_with(&status)), "{answer:?}");
    Ok(())
}

/// Restores a tenant, and waits until it is active.
async fn restored(cloud: &Cloud, slug: &str, tenant_id: Uuid) -> Result<Status> {
    check_accepted(&cloud.restore(slug).await?, slug, tenant_id)?;
    cloud.wait_until(slug, State::Active, SOON).await
}

/// What a query found, without the times that it took.
fn nodes(answer: redis::Value) -> Option<redis::Value> {
    match answer {
        redis::Value::Array(parts) => parts.into_iter().nth(1),
        _ => None,
    }
}

async fn audited(cloud: &Cloud, tenant_id: Uuid, action: &str) -> Result<Vec<(Value, Value)>> {
    let sql = "SELECT before, after FROM control.audit_log WHERE tenant_id = $1 AND action = $2 ORDER BY id";
    let rows = cloud.control().await?.query(sql, &[&tenant_id, &action]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_restored_tenant_is_what_it_was() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("back", json!({})).await?;
    let domain = format!("{}.example.com", unique("bank"));
    cloud.change(&slug, json!({ "custom_domain": domain })).await?.expect(200)?;
    let (record, secret) = (cloud.tenant(&slug).await?, cloud.tenant_secret(tenant_id).await?);
    let name = format!("client_{slug}");
    let mut user = cloud.graph_user(&slug, tenant_id).await?;
    let _: redis::Value = redis::cmd("GRAPH.QUERY").arg(&name).arg("CREATE (:Kept)").query_async(&mut user).await?;
    let kept = nodes(read_graph(&mut user, &slug).await?);
    assert!(kept.is_some());
    let document = json!({ "content": "kept" });
    let written = format!("/{name}/_doc/1?refresh=true");
    cloud.search()?.call(Method::PUT, &written, Some(&document)).await.context("the index takes a document")?;

    cloud.deactivate(&slug).await?.no_content()?;
    assert!(cloud.graph_user_by(&slug, &secret).await.is_err(), "it is off");
    let status = restored(&cloud, &slug, tenant_id).await?;
    assert_eq!((status.attempt, status.completed_steps.len()), (2, 9));
    let now = cloud.tenant(&slug).await?;
    for (field, before) in record.as_object().context("an object")? {
        match field.as_str() {
            "updated_at" | "activated_at" => assert!(now[field].as_str() > before.as_str(), "{field}"),
            "restored_at" => assert!(before.is_null() && is_timestamp(&now[field]), "{now}"),
            _ => assert_eq!(&now[field], before, "{field}"),
        }
    }

    // What it has is what it had: nothing was made a second time, and nobody got another mail.
    let projects = cloud.projects(&slug, tenant_id).await?;
    assert_eq!(projects.len(), 1);
    assert_eq!(cloud.mails_to(&format!("admin@{slug}.example.com")).await?.len(), 1);
    let (customers, subscriptions) = (cloud.customers(tenant_id).await?, cloud.subscriptions(tenant_id).await?);
    assert_eq!((customers.len(), subscriptions.len()), (1, 1));
    assert_eq!(
        (&subscriptions[0]["status"], &subscriptions[0]["cancel_at_period_end"]),
        (&json!("active"), &json!(false))
    );
    let found = cloud.search()?.call(Method::GET, &format!("/{name}/_doc/1"), None).await?;
    assert_eq!(found["_source"], document);
    // The graph's user works again, with another password.
    let mut user = cloud.graph_user(&slug, tenant_id).await?;
    assert_eq!(nodes(read_graph(&mut user, &slug).await?), kept);
    assert!(cloud.graph_user_by(&slug, &secret).await.is_err(), "the password of before stays off");
    let after = cloud.tenant_secret(tenant_id).await?;
    for (field, value) in secret.as_object().context("an object")? {
        assert_eq!(after[field] == *value, field != "graph_pass", "{field}: nothing else was revoked");
    }
    // Who follows the streams learns that it is back, and not that there is a new one.
    assert_eq!(cloud.announced(&slug).await?.len(), 1);
    let events = cloud.announced_in("iam:tenants:restored", &slug, 1).await?;
    let [event] = events.as_slice() else { anyhow::bail!("not one event: {events:?}") };
    assert_eq!((event["event_type"].as_str(), &event["tenant_id"]), ("iam:tenants:restored", &tenant_id.to_string()));
    assert_eq!(audited(&cloud, tenant_id, "tenant.restore").await?.len(), 1);

    // Once more: it is deactivated and restored like any other.
    cloud.deactivate(&slug).await?.no_content()?;
    assert_eq!(restored(&cloud, &slug, tenant_id).await?.attempt, 3);
    assert_eq!(cloud.announced_in("iam:tenants:restored", &slug, 2).await?.len(), 2);
    cloud.graph_user(&slug, tenant_id).await.map(drop)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn only_a_deprovisioned_tenant_is_restored() -> Result<()> {
    let cloud = Cloud::from_env()?;
    for slug in [unique("absent").as_str(), "Acme-Bank", "x"] {
        cloud.restore(slug).await?.problem(404, "tenant_not_found")?;
        cloud.hold(slug, "litigation").await?.problem(404, "tenant_not_found")?;
        cloud.release(slug).await?.problem(404, "tenant_not_found")?;
    }
    let slug = unique("states");
    let tenant_id = cloud.accepted(&slug, pilot()).await?;
    cloud.restore(&slug).await?.problem(409, "tenant_not_deprovisioned")?;
    cloud.wait_until(&slug, State::Active, SOON).await?;
    cloud.restore(&slug).await?.problem(409, "tenant_not_deprovisioned")?;

    cloud.deactivate(&slug).await?.no_content()?;
    check_accepted(&cloud.restore(&slug).await?, &slug, tenant_id)?;
    // Its answer may have been lost. Sent again, it finds the run, unless that is over.
    let again = cloud.restore(&slug).await?;
    if again.status == 202 {
        assert_eq!(again.json()?["run"], "found");
    } else {
        again.problem(409, "tenant_not_deprovisioned")?;
    }
    assert_eq!(cloud.wait_until(&slug, State::Active, SOON).await?.attempt, 2);
    cloud.restore(&slug).await?.problem(409, "tenant_not_deprovisioned")?;
    assert_eq!(cloud.aws.executions_of(tenant_id).await?.len(), 2);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_restore_that_failed_goes_on_as_a_restore() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("stumbles", pilot()).await?;
    let project_ref = cloud.environment(&slug).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.impose(&project_ref, "INACTIVE").await?;
    check_accepted(&cloud.restore(&slug).await?, &slug, tenant_id)?;
    let failed = cloud.wait_until(&slug, State::Failed, SOON).await?;
    assert_eq!(failed.cause()?["code"], "environment_gone", "and it was not deleted: it holds the tenant's data");
    assert_eq!(cloud.projects(&slug, tenant_id).await?[0]["deleted"], false);
    let refused = cloud.restore(&slug).await?.problem(409, "tenant_not_deprovisioned")?;
    ensure!(refused["detail"].as_str().is_some_and(|detail| detail.contains("/retry")), "{refused}");

    cloud.impose(&project_ref, "ACTIVE_HEALTHY").await?;
    let resumed = cloud.retry(&slug).await?.expect(202)?;
    assert_eq!((&resumed["run"], &resumed["resumes_at"]), (&json!("resumed"), &json!("step_2")));
    assert_eq!(cloud.wait_until(&slug, State::Active, SOON).await?.attempt, 3);
    assert_eq!(cloud.announced(&slug).await?.len(), 1);
    assert_eq!(cloud.announced_in("iam:tenants:restored", &slug, 1).await?.len(), 1);
    cloud.graph_user(&slug, tenant_id).await.map(drop)
}

/// What a run had begun when it was stopped is adopted, and the rest is made.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_that_never_was_active_is_completed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("early");
    let tenant_id = cloud.accepted(&slug, json!({})).await?;
    cloud.wait_for(&slug, SOON, |status| status.step(2)["state"] == "waiting").await?;
    cloud.deactivate(&slug).await?.no_content()?;
    // The stopped run was an attempt, and so was stopping it.
    assert_eq!(restored(&cloud, &slug, tenant_id).await?.attempt, 3);
    assert_eq!(cloud.projects(&slug, tenant_id).await?.len(), 1);
    assert_eq!(cloud.mails_to(&format!("admin@{slug}.example.com")).await?.len(), 1);
    assert_eq!((cloud.customers(tenant_id).await?.len(), cloud.subscriptions(tenant_id).await?.len()), (1, 1));
    cloud.graph_user(&slug, tenant_id).await.map(drop)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn what_was_revoked_is_made_new() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let (slug, tenant_id) = cloud.live("rekeyed", pilot()).await?;
    let before = Access::of(&cloud, &slug, tenant_id).await?;
    cloud.deactivate_and_revoke(&slug).await?.no_content()?;
    let control = cloud.control().await?;
    let open =
        "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND kind = 'revoke_access' AND delivered_at IS NULL";
    cloud.reconcile_until(async || Ok(control.query_one(open, &[&tenant_id]).await?.get::<_, i64>(0) == 0)).await?;
    assert_eq!(before.good(&cloud).await?, (Vec::new(), false));

    restored(&cloud, &slug, tenant_id).await?;
    assert_eq!(before.good(&cloud).await?, (Vec::new(), false), "what was revoked stays revoked");
    let after = Access::of(&cloud, &slug, tenant_id).await?;
    assert_eq!(after.good(&cloud).await?, (ALL_KEYS[2..].to_vec(), true), "legacy keys are not switched on again");
    for (field, kind) in [("publishable_key", ALL_KEYS[2]), ("secret_key", ALL_KEYS[3])] {
        let key = after.keys.iter().find(|(name, _)| name == kind).map(|(_, key)| key.as_str());
        assert_eq!(after.secret[field].as_str(), key, "{field}");
    }
    let resources = cloud.get(&format!("/v1/admin/tenants/{slug}/resources")).await?.expect(200)?;
    for kind in ["publishable_key", "secret_key", "database_password"] {
        let made = resources.as_array().into_iter().flatten().filter(|it| it["kind"] == kind && it["state"] == "made");
        assert_eq!(made.count(), 1, "{kind}: {resources}");
    }
    Ok(())
}

/// The reconciler had not revoked anything yet. It does not afterwards either.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn what_a_delete_left_to_be_done_is_superseded() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("superseded", pilot()).await?;
    with_faults(async |cloud, faults| {
        let command = format!("^ACL SETUSER client_{slug} reset$");
        let rule = faults.refuse("falkordb-us-east-1", &command, "LOADING the server is loading its data").await?;
        cloud.deactivate(&slug).await?.no_content()?;
        let promise = "INSERT INTO control.outbox (id, tenant_id, kind, payload, next_attempt_at)
                       VALUES (gen_random_uuid(), $1, 'revoke_access', '{}', clock_timestamp() + interval '1 hour')";
        let control = cloud.control().await?;
        control.execute(promise, &[&tenant_id]).await?;
        restored(cloud, &slug, tenant_id).await?;
        faults.mend(rule).await?;
        let open = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL
                    AND kind IN ('switch_off_graph_user', 'revoke_access')";
        assert_eq!(control.query_one(open, &[&tenant_id]).await?.get::<_, i64>(0), 0);
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        cloud.graph_user(&slug, tenant_id).await?;
        let (good, password) = Access::of(cloud, &slug, tenant_id)
            .await?
            .good(cloud)
            .await
            .map(|(good, password)| (good.len(), password))?;
        assert_eq!((good, password), (ALL_KEYS.len(), true));
        for action in ["tenant.switch_off_graph_user", "tenant.revoke_access"] {
            assert!(audited(cloud, tenant_id, action).await?.is_empty(), "{action}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_tenant_whose_step_is_still_at_work_is_not_restored_yet() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("unfinished");
        let pause = faults.hold("opensearch-us-east-1", calls::index(&slug)).await?;
        let tenant_id = cloud.accepted(&slug, pilot()).await?;
        faults.held(pause).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        cloud.restore(&slug).await?.later(409, "operation_in_progress", "5")?;
        faults.mend(pause).await?;
        let over = "UPDATE control.tenants SET lease_until = clock_timestamp() WHERE tenant_id = $1";
        cloud.control().await?.execute(over, &[&tenant_id]).await?;
        restored(cloud, &slug, tenant_id).await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_subscription_goes_on_or_begins_anew() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("billed", json!({})).await?;
    let only = async || -> Result<Value> {
        let live = cloud.subscriptions(tenant_id).await?.into_iter().filter(|found| found["status"] == "active");
        let live: Vec<_> = live.collect();
        let [subscription] = live.as_slice() else { anyhow::bail!("not one subscription: {live:?}") };
        Ok(subscription.clone())
    };
    let first = only().await?;
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.reconcile_until(async || Ok(only().await?["cancel_at_period_end"] == true)).await?;
    restored(&cloud, &slug, tenant_id).await?;
    let second = only().await?;
    assert_eq!((&second["id"], &second["cancel_at_period_end"]), (&first["id"], &json!(false)));

    // Somebody ends it while the tenant is off.
    cloud.deactivate(&slug).await?.no_content()?;
    let customer = cloud.tenant(&slug).await?["stripe_customer_id"].as_str().context("a customer")?.to_owned();
    cloud.delete_customer(&customer).await?;
    restored(&cloud, &slug, tenant_id).await?;
    let third = only().await?;
    assert_ne!((&third["id"], &third["customer"]), (&first["id"], &json!(customer)));
    assert_eq!(third["cancel_at_period_end"], false);
    assert_eq!(cloud.tenant(&slug).await?["stripe_customer_id"], third["customer"]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_domain_that_somebody_took_is_lost() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (former, former_id) = cloud.live("former", pilot()).await?;
    let (next, _) = cloud.live("heir", pilot()).await?;
    let domain = format!("{}.example.com", unique("bank"));
    let asked = json!({ "custom_domain": domain });
    let lost = async || -> Result<Value> {
        Ok(cloud.get(&format!("/v1/admin/tenants/{former}/status")).await?.expect(200)?["lost_domain"].clone())
    };
    cloud.change(&former, asked.clone()).await?.expect(200)?;
    cloud.deactivate(&former).await?.no_content()?;
    cloud.change(&next, asked.clone()).await?.expect(200)?;
    restored(&cloud, &former, former_id).await?;
    assert_eq!((&cloud.tenant(&former).await?["custom_domain"], lost().await?), (&Value::Null, json!(domain)));
    assert_eq!(cloud.tenant(&next).await?["custom_domain"], domain.as_str());
    let (_, after) = audited(&cloud, former_id, "tenant.restore").await?.pop().context("audited")?;
    assert_eq!((&after["custom_domain"], &after["lost_domain"]), (&Value::Null, &json!(domain)));

    // Another name for people decides nothing about it. Another domain does.
    cloud.change(&former, json!({ "display_name": "Renamed" })).await?.expect(200)?;
    assert_eq!(lost().await?, domain.as_str());
    let other = format!("{}.example.com", unique("other"));
    let changed = cloud.change(&former, json!({ "custom_domain": other })).await?.expect(200)?;
    assert_eq!((&changed["custom_domain"], lost().await?), (&json!(other), Value::Null));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_hold_stops_the_restore_and_shows_in_the_record() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("held", pilot()).await?;
    assert_eq!(cloud.tenant(&slug).await?["hold"], Value::Null);
    for (reason, message) in [("", "1 to 500"), ("  ", "1 to 500"), (&"x".repeat(501), "1 to 500"), ("a\nb", "control")]
    {
        let invalid = cloud.hold(&slug, reason).await?.invalid()?;
        ensure!(invalid.get("reason").is_some_and(|said| said.contains(message)), "{invalid:?}");
    }
    let path = format!("/v1/admin/tenants/{slug}/hold");
    let put = |body: Value| cloud.admin(Method::PUT, &path).json(&body);
    ensure!(cloud.send(put(json!({}))).await?.invalid()?.contains_key("reason"));
    ensure!(cloud.send(put(json!({ "reason": "x", "until": "2030" }))).await?.invalid()?.contains_key("until"));

    let first = cloud.hold(&slug, " Acme v. Bank ").await?;
    let held = first.expect(200)?;
    assert_eq!(held["hold"]["reason"], "Acme v. Bank");
    ensure!(is_timestamp(&held["hold"]["at"]), "{held}");
    ensure!(held["hold"]["by"].as_str().is_some_and(|by| by.starts_with("api_key:")), "{held}");
    assert_eq!(cloud.tenant(&slug).await?, held);
    // The same again is the same hold, whatever version was meant.
    let again = cloud.send(put(json!({ "reason": "Acme v. Bank" })).header("if-match", "\"0\"")).await?;
    assert_eq!((again.expect(200)?, again.header("etag")), (held.clone(), first.header("etag")));
    cloud
        .send(put(json!({ "reason": "another" })).header("if-match", "\"0\""))
        .await?
        .problem(412, "version_mismatch")?;
    let etag = first.header("etag").context("an etag")?;
    let other = cloud.send(put(json!({ "reason": "another" })).header("if-match", etag)).await?.expect(200)?;
    assert_eq!(other["hold"]["reason"], "another");

    // Nothing of the tenant is deleted by switching it off.
    cloud.deactivate(&slug).await?.no_content()?;
    assert_eq!(cloud.tenant(&slug).await?["hold"], other["hold"]);
    cloud.restore(&slug).await?.problem(409, "tenant_held")?;
    assert_eq!(cloud.tenant(&slug).await?["provisioning_state"], "deprovisioned");
    let stale = cloud.admin(Method::DELETE, &path).header("if-match", "\"0\"");
    cloud.send(stale).await?.problem(412, "version_mismatch")?;
    for _ in 0..2 {
        cloud.release(&slug).await?.no_content()?;
        assert_eq!(cloud.tenant(&slug).await?["hold"], Value::Null);
    }
    let (holds, releases) =
        (audited(&cloud, tenant_id, "tenant.hold").await?, audited(&cloud, tenant_id, "tenant.release_hold").await?);
    let reasons: Vec<_> = holds.iter().map(|(before, after)| (&before["hold_reason"], &after["hold_reason"])).collect();
    assert_eq!(reasons, [(&Value::Null, &json!("Acme v. Bank")), (&json!("Acme v. Bank"), &json!("another"))]);
    assert_eq!(releases.len(), 1, "{releases:?}");
    restored(&cloud, &slug, tenant_id).await.map(drop)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn auditors_see_a_hold_and_change_nothing() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("watched", pilot()).await?;
    cloud.hold(&slug, "litigation").await?.expect(200)?;
    let path = format!("/v1/admin/tenants/{slug}");
    let as_auditor =
        |method, rest: &str| cloud.request(method, &format!("{path}{rest}")).header("x-api-key", &cloud.auditor_key);
    let seen = cloud.send(as_auditor(Method::GET, "")).await?.expect(200)?;
    assert_eq!(seen["hold"]["reason"], "litigation");
    for request in [
        as_auditor(Method::POST, "/restore"),
        as_auditor(Method::PUT, "/hold").json(&json!({ "reason": "another" })),
        as_auditor(Method::DELETE, "/hold"),
    ] {
        cloud.send(request).await?.problem(403, "forbidden")?;
    }
    assert_eq!(cloud.tenant(&slug).await?["hold"], seen["hold"]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_restore_is_for_one_version_and_has_one_answer() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("repeated", pilot()).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    let path = format!("/v1/admin/tenants/{slug}/restore");
    let request = || cloud.admin(Method::POST, &path);
    cloud.send(request().header("if-match", "\"0\"")).await?.problem(412, "version_mismatch")?;
    assert_eq!(cloud.tenant(&slug).await?["provisioning_state"], "deprovisioned");
    let read = cloud.get(&format!("/v1/admin/tenants/{slug}")).await?;
    let etag = read.header("etag").context("an etag")?.to_owned();
    let key = unique("restore");
    let keyed = || request().header("if-match", &etag).header("idempotency-key", &key);
    let first = cloud.send(keyed()).await?;
    check_accepted(&first, &slug, tenant_id)?;
    cloud.wait_until(&slug, State::Active, SOON).await?;
    let again = cloud.send(keyed()).await?;
    assert_eq!((again.expect(202)?, again.header("idempotency-replayed")), (first.json()?, Some("true")));
    cloud.send(request().header("idempotency-key", &key)).await?.problem(422, "idempotency_key_reused")?;
    assert_eq!(cloud.aws.executions_of(tenant_id).await?.len(), 2);
    Ok(())
}
