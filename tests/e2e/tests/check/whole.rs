//! A tenant of which all is there; one that is off; and requests that cannot be served.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, unique};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Found, PARTS};

/// What the control plane has written about a tenant.
async fn books(cloud: &Cloud, tenant_id: Uuid) -> Result<Value> {
    let sql = "SELECT jsonb_build_array(
                   (SELECT to_jsonb(t) FROM control.tenants AS t WHERE tenant_id = $1),
                   (SELECT jsonb_agg(r ORDER BY r.id) FROM control.resources AS r WHERE tenant_id = $1),
                   (SELECT jsonb_agg(o ORDER BY o.id) FROM control.outbox AS o WHERE tenant_id = $1),
                   (SELECT jsonb_agg(a.id ORDER BY a.id) FROM control.audit_log AS a WHERE tenant_id = $1))";
    Ok(cloud.control().await?.query_one(sql, &[&tenant_id]).await?.get(0))
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn all_of_a_live_tenant_is_there_and_a_check_changes_nothing() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("whole", json!({})).await?;
    let promises = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL";
    cloud
        .reconcile_until(async || {
            Ok(cloud.control().await?.query_one(promises, &[&tenant_id]).await?.get::<_, i64>(0) == 0)
        })
        .await?;
    let before = books(&cloud, tenant_id).await?;
    let found = Found::of(&cloud, &slug).await?;
    for part in PARTS {
        // The tenant has no catalog, and nothing is synced.
        let state = if ["catalog_secret", "namespace"].contains(&part) { "not_needed" } else { "ok" };
        found.is(part, state)?;
        assert_eq!((&found.part(part)?["code"], &found.part(part)?["hint"]), (&Value::Null, &Value::Null), "{part}");
    }
    assert_eq!(books(&cloud, tenant_id).await?, before, "a check changed something");

    // By its id too, and for whoever may only read.
    let path = format!("/v1/admin/tenants/{tenant_id}/check");
    let auditor = cloud.request(Method::POST, &path).header("x-api-key", &cloud.auditor_key);
    assert_eq!(cloud.send(auditor).await?.expect(200)?, found.0);

    // What is sound is left alone, and both are written down.
    let done = cloud.repair(&slug, &["cache", "graph_user", "schema"]).await?.expect(200)?;
    let done: Vec<_> = done.as_array().context("no list")?.iter().map(|it| (&it["resource"], &it["outcome"])).collect();
    let sound = |part| (json!(part), json!("sound"));
    let wanted = ["schema", "graph_user", "cache"].map(sound);
    assert_eq!(done, wanted.iter().map(|(part, outcome)| (part, outcome)).collect::<Vec<_>>());
    let audited = "SELECT action, after -> 'resources' FROM control.audit_log
                   WHERE tenant_id = $1 AND action LIKE 'tenant.repair%' ORDER BY id";
    let audited = cloud.control().await?.query(audited, &[&tenant_id]).await?;
    let audited: Vec<(String, Value)> = audited.iter().map(|row| (row.get(0), row.get(1))).collect();
    let outcomes = json!({ "schema": "sound", "graph_user": "sound", "cache": "sound" });
    let asked = json!(["cache", "graph_user", "schema"]);
    assert_eq!(audited, [("tenant.repair".to_owned(), asked), ("tenant.repaired".to_owned(), outcomes)]);
    let lease: Option<String> = cloud
        .control()
        .await?
        .query_one("SELECT lease_token FROM control.tenants WHERE tenant_id = $1", &[&tenant_id])
        .await?
        .get(0);
    assert_eq!(lease, None, "the lease is given back");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn of_a_tenant_that_is_off_what_is_kept_is_there_and_its_access_has_ended() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("off", json!({})).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    let settled = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL";
    cloud
        .reconcile_until(async || {
            Ok(cloud.control().await?.query_one(settled, &[&tenant_id]).await?.get::<_, i64>(0) == 0)
        })
        .await?;
    let found = Found::of(&cloud, &tenant_id.to_string()).await?;
    for (part, state) in [
        ("project", "ok"),
        ("keys", "not_needed"),
        ("schema", "not_needed"),
        ("invitation", "not_needed"),
        ("graph", "ok"),
        ("graph_user", "ok"),
        ("search_index", "ok"),
        ("search_alias", "ok"),
        ("customer", "ok"),
        ("subscription", "ok"),
        ("price", "not_needed"),
        ("cache", "ok"),
    ] {
        found.is(part, state)?;
    }
    assert_eq!(found.part("graph_user")?["expected"], "off");

    // Somebody switches the user on, and the middleware still has an entry.
    let mut falkordb = cloud.falkordb("us-east-1").await?;
    let on = [format!("client_{slug}"), "on".to_owned(), "+ping".to_owned()];
    let _: redis::Value = redis::cmd("ACL").arg("SETUSER").arg(&on).query_async(&mut falkordb).await?;
    cloud.cache(&slug, tenant_id).await?;
    let found = Found::of(&cloud, &slug).await?;
    found.is_broken("graph_user", "graph_user_on")?;
    found.is_broken("cache", "cache_outdated")?;
    cloud.repair(&slug, &["graph_user"]).await?.problem(409, "tenant_not_active")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_that_is_being_made_lacks_nothing_that_was_made() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("early");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let found = Found::of(&cloud, &slug).await?;
    let broken: Vec<_> = PARTS.iter().filter(|part| found.is(part, "broken").is_ok()).collect();
    ensure!(broken.is_empty(), "{broken:?}: {}", found.0);
    cloud.repair(&slug, &["cache"]).await?.problem(409, "tenant_not_active")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn requests_that_make_no_sense_are_refused() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("odd", json!({ "tier": "pilot" })).await?;
    cloud.check("nobody-at-all").await?.problem(404, "tenant_not_found")?;
    cloud.repair("nobody-at-all", &["cache"]).await?.problem(404, "tenant_not_found")?;
    for resources in [&[][..], &["everything"], &["cache", "cache"]] {
        let errors = cloud.repair(&slug, resources).await?.invalid()?;
        ensure!(errors.contains_key("resources"), "{resources:?}: {errors:?}");
    }
    // A pilot pays nothing.
    let found = Found::of(&cloud, &slug).await?;
    for part in ["customer", "subscription", "price"] {
        found.is(part, "not_needed")?;
    }

    // The same request with the same key is served once.
    let again = async || {
        let request = cloud.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/repair"));
        cloud.send(request.header("idempotency-key", &slug).json(&json!({ "resources": ["cache"] }))).await
    };
    cloud.cache(&slug, cloud.tenant(&slug).await?["tenant_id"].as_str().context("no id")?).await?;
    let first = again().await?.expect(200)?;
    assert_eq!(first[0]["outcome"], "mended");
    let second = again().await?;
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(second.expect(200)?, first);
    Ok(())
}
