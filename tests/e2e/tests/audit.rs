//! The audit log: who changed what, the values before and after, and the request. Refused requests are not in the log.

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, Lakehouse, State, unique, with_faults};
use fault_proxy::client::Match;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const LIVE: Duration = Duration::from_mins(2);

/// One row.
#[derive(Debug)]
struct Entry {
    actor: String,
    action: String,
    request_id: String,
    before: Option<Value>,
    after: Option<Value>,
}

async fn log(cloud: &Cloud, tenant_id: Uuid) -> Result<Vec<Entry>> {
    let sql = "SELECT actor, action, request_id, before, after FROM control.audit_log WHERE tenant_id = $1 ORDER BY id";
    let rows = cloud.control().await?.query(sql, &[&tenant_id]).await?;
    let entry = |row: &tokio_postgres::Row| Entry {
        actor: row.get("actor"),
        action: row.get("action"),
        request_id: row.get("request_id"),
        before: row.get("before"),
        after: row.get("after"),
    };
    Ok(rows.iter().map(entry).collect())
}

/// Checks that this answer's request has one row, with this action and these values before and after.
async fn says(
    cloud: &Cloud,
    tenant_id: Uuid,
    answer: &Answer,
    action: &str,
    before: &Value,
    after: &Value,
) -> Result<()> {
    let log = log(cloud, tenant_id).await?;
    let of_request = log.iter().filter(|entry| Some(entry.request_id.as_str()) == answer.header("x-request-id"));
    // What follows from a DELETE is another change, wherever it is made.
    let of_request: Vec<&Entry> = of_request.filter(|entry| entry.action != "tenant.switch_off_graph_user").collect();
    let [entry] = of_request.as_slice() else { anyhow::bail!("not exactly one row for {answer:?}: {log:?}") };
    ensure!(entry.action == action && entry.actor != "pipeline", "not {action}: {entry:?}");
    holds(entry.before.as_ref(), before, entry)?;
    holds(entry.after.as_ref(), after, entry)
}

fn holds(found: Option<&Value>, wanted: &Value, entry: &Entry) -> Result<()> {
    if wanted.is_null() {
        ensure!(found.is_none(), "a value where none was expected: {entry:?}");
        return Ok(());
    }
    let found = found.with_context(|| format!("nothing: {entry:?}"))?;
    for (name, value) in wanted.as_object().into_iter().flatten() {
        ensure!(found[name] == *value, "{name} is not {value}: {entry:?}");
    }
    Ok(())
}

async fn pipeline(cloud: &Cloud, tenant_id: Uuid, action: &str, before: &Value, after: &Value) -> Result<()> {
    let log = log(cloud, tenant_id).await?;
    let entry = log.iter().rfind(|entry| entry.action == action).with_context(|| format!("no {action}: {log:?}"))?;
    ensure!(entry.actor == "pipeline" && !entry.request_id.is_empty(), "{entry:?}");
    holds(entry.before.as_ref(), before, entry)?;
    holds(entry.after.as_ref(), after, entry)
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn every_change_of_a_tenant_is_in_the_log() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("audit");
        let index = Match::request("PUT", &format!("^/client_{slug}_v1"));
        let forbidden = json!({ "error": { "type": "security_exception", "reason": "no" }, "status": 403 }).to_string();
        let fault = faults.answer("opensearch-us-east-1", index, 403, &forbidden).await?;
        let created = cloud.provision(&slug, json!({})).await?;
        let tenant_id: Uuid = serde_json::from_value(created.expect(202)?["tenant_id"].clone())?;
        let after = json!({ "slug": slug, "tier": "enterprise", "region": "us-east-1" });
        says(cloud, tenant_id, &created, "tenant.create", &Value::Null, &after).await?;

        cloud.wait_until(&slug, State::Failed, LIVE).await?;
        let (before, after) =
            (json!({ "provisioning_state": "provisioning" }), json!({ "provisioning_state": "failed", "step": 7 }));
        pipeline(cloud, tenant_id, "tenant.fail", &before, &after).await?;
        faults.mend(fault).await?;
        let resumed = cloud.provision(&slug, json!({ "display_name": "Corrected" })).await?;
        resumed.expect(202)?;
        let before = json!({ "provisioning_state": "failed", "attempt": 1, "display_name": format!("Test {slug}") });
        let after = json!({ "provisioning_state": "provisioning", "attempt": 2, "display_name": "Corrected" });
        says(cloud, tenant_id, &resumed, "tenant.resume", &before, &after).await?;
        cloud.wait_until(&slug, State::Active, LIVE).await?;
        let before = json!({ "provisioning_state": "provisioning", "is_active": false });
        let after = json!({ "provisioning_state": "active", "is_active": true, "attempt": 2 });
        pipeline(cloud, tenant_id, "tenant.activate", &before, &after).await?;

        let renamed = cloud.change(&slug, json!({ "display_name": "Another" })).await?;
        let (before, after) = (json!({ "display_name": "Corrected" }), json!({ "display_name": "Another" }));
        says(cloud, tenant_id, &renamed, "tenant.update", &before, &after).await?;
        let retiered = cloud.change(&slug, json!({ "tier": "enterprise_plus" })).await?;
        let (before, after) = (json!({ "tier": "enterprise" }), json!({ "tier": "enterprise_plus" }));
        says(cloud, tenant_id, &retiered, "tenant.update", &before, &after).await?;

        let lakehouse = Lakehouse::of(cloud, tenant_id, &slug).await?;
        let first = lakehouse.upsert(&json!({ "warehouse": "s3://first/" })).await?;
        let after = json!({ "warehouse": "s3://first/", "version": 1 });
        says(cloud, tenant_id, &first, "catalog.upsert", &Value::Null, &after).await?;
        let second = lakehouse.upsert(&json!({ "warehouse": "s3://second/" })).await?;
        let (before, after) = (after, json!({ "warehouse": "s3://second/", "version": 2 }));
        says(cloud, tenant_id, &second, "catalog.upsert", &before, &after).await?;
        let target = lakehouse.register(&json!({})).await?;
        says(cloud, tenant_id, &target, "sync_target.register", &Value::Null, &json!({ "source_table": "companies" }))
            .await?;

        let gone = cloud.deactivate(&slug).await?;
        gone.no_content()?;
        let before = json!({ "provisioning_state": "active", "is_active": true });
        let after = json!({ "provisioning_state": "deprovisioned", "is_active": false });
        says(cloud, tenant_id, &gone, "tenant.deactivate", &before, &after).await?;

        let rows = log(cloud, tenant_id).await?.len();
        cloud.change(&slug, json!({ "display_name": "Nobody" })).await?.problem(409, "tenant_not_active")?;
        cloud.provision(&slug, json!({})).await?.problem(409, "tenant_deprovisioned")?;
        cloud.deactivate(&slug).await?.no_content()?;
        assert_eq!(log(cloud, tenant_id).await?.len(), rows, "the log has refused or unchanged requests");
        Ok(())
    })
    .await
}
