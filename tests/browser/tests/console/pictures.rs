//! The pictures of the README. `UPDATE_SCREENSHOTS=1 cargo xtask test --package browser pictures` takes them anew.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use browser::in_a_browser;
use serde_json::{Value, json};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/api/get-console/pictures");
const AT: &str = "2026-03-24T10:00:00.000000Z";
const STEPS: [&str; 9] = [
    "create-environment",
    "await-environment",
    "migrate-tenant",
    "verify-seed",
    "invite-admin",
    "create-graph",
    "create-search-index",
    "invalidate-cache",
    "activate-tenant",
];

fn tenant(slug: &str, name: &str, state: &str, tier: &str, region: &str) -> Value {
    json!({
        "tenant_id": "0196d0c1-5f80-7cc0-8f1a-6b4f2d9e3a11", "slug": slug, "display_name": name, "tier": tier, "region": region,
        "provisioning_state": state, "is_active": state == "active", "provisioned_at": AT, "supabase_url": null,
        "supabase_project_ref": "xyzrefabcxyzrefabcxy", "falkordb_graph_name": null, "custom_domain": null,
        "admin_email": format!("admin@{slug}.example.com"), "error_message": null, "stripe_customer_id": null,
        "created_at": AT, "updated_at": AT, "activated_at": null, "restored_at": null, "hold": null, "purge": null,
    })
}

/// A run that completed so many steps; the next one is in this state.
fn status(slug: &str, state: &str, completed: usize, next: &str, cause: &Value) -> Value {
    let step = |(index, name): (usize, &&str)| {
        let ended = json!(format!("2026-03-24T10:00:0{index}.400000Z"));
        let (state, begun, ended) = match index {
            _ if index < completed => ("completed", json!(AT), ended),
            _ if index == completed => (next, Value::Null, Value::Null),
            _ => ("pending", Value::Null, Value::Null),
        };
        let cause = if index == completed { cause } else { &Value::Null };
        json!({
            "id": format!("step_{}", index + 1), "name": name, "state": state, "attempts": 1, "started_at": begun,
            "finished_at": ended, "duration_ms": null, "waiting_for": null, "next_retry_at": null, "cause": cause,
        })
    };
    json!({
        "tenant_id": "0196d0c1-5f80-7cc0-8f1a-6b4f2d9e3a11", "slug": slug, "provisioning_state": state, "completed_steps": [],
        "failed_steps": [], "last_error": null, "updated_at": AT, "attempt": 1, "lost_domain": null, "steps": STEPS.iter().enumerate().map(step).collect::<Vec<_>>(),
    })
}

/// Writes a picture down, if pictures are taken anew.
fn keep(name: &str, picture: &[u8]) -> Result<()> {
    ensure!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000, "{name} is empty");
    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        std::fs::create_dir_all(FOLDER)?;
        std::fs::write(Path::new(FOLDER).join(name).with_extension("png"), picture)?;
    }
    Ok(())
}

fn planned() -> Value {
    let resource = |kind: &str, name: &str, step: u8, action: &str| {
        json!({
            "kind": kind, "name": name, "external_id": null, "action": action, "step": format!("purge_{step}"), "reversible": step < 3,
            "why": if action == "keep" { json!("its invoices are kept") } else { Value::Null }, "known": true, "cost": "the platform",
        })
    };
    json!({
        "tenant_id": "0196d0c1-5f80-7cc0-8f1a-6b4f2d9e3a11", "slug": "old-mill", "provisioning_state": "deprovisioned",
        "policies": { "customer": "keep", "data": "drop" }, "may_begin": true, "obstacle": null, "deprovisioned_at": AT,
        "retrieval_days": 30, "retrieval_until": null, "needs_reason": false, "needs_approval": false, "point_of_no_return": "purge_3",
        "resources": [
            resource("search_alias", "client_old-mill", 1, "delete"), resource("stripe_customer", "Old Mill Savings", 2, "keep"),
            resource("search_index", "client_old-mill_v1", 3, "delete"), resource("graph", "client_old-mill", 4, "delete"),
            resource("supabase_project", "old-mill-0196d0c1", 6, "delete"), resource("tenant_secret", "the tenant's secret", 7, "schedule"),
        ],
        "kept": ["the tenant's record, under its id", "the audit log, under the tenant's id"],
    })
}

/// The answers are those of the pictures, so that each of them shows the same every time.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn pictures_can_be_taken() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        let cause = json!({
            "code": "graph_forbidden", "hint": "Give the user of the region's secret the right to make graphs and users.", "owner": "platform",
            "retryable": false, "foreseen_at": null, "provider_request_id": null,
        });
        let shown = [
            tenant("river-trust", "River Trust", "provisioning", "enterprise", "eu-central-1"),
            tenant("acme-bank", "Acme Bank", "failed", "enterprise_plus", "us-east-1"),
            tenant("harbour-credit", "Harbour Credit Union", "active", "enterprise", "us-east-1"),
            tenant("lion-city-capital", "Lion City Capital", "active", "pilot", "ap-southeast-1"),
            tenant("old-mill", "Old Mill Savings", "deprovisioned", "pilot", "eu-central-1"),
        ];
        let mut running = status("river-trust", "provisioning", 5, "running", &Value::Null);
        running["completed_steps"] = json!(["step_1", "step_2", "step_3", "step_4", "step_5"]);
        let mut failed = status("acme-bank", "failed", 5, "failed", &cause);
        failed["completed_steps"] = running["completed_steps"].clone();
        door.answer("/v1/admin/tenants", json!(shown).to_string());
        let ended = status("old-mill", "deprovisioned", 9, "pending", &Value::Null);
        door.answer("/v1/admin/tenants/old-mill/purge-plan", planned().to_string());
        for (tenant, status) in [(&shown[0], &running), (&shown[1], &failed), (&shown[4], &ended)] {
            let path = format!("/v1/admin/tenants/{}", tenant["slug"].as_str().context("a slug")?);
            door.answer(&path, tenant.to_string());
            door.answer(&format!("{path}/status"), status.to_string());
            door.answer(&format!("{path}/resources"), "[]".to_owned());
            door.answer(&format!("{path}/audit"), "[]".to_owned());
        }
        door.answer("/v1/admin/audit", "[]".to_owned());
        browser.size(1280, 900).await?;
        browser.prefer("light").await?;
        browser.sign_in(&cloud.admin_key).await?;
        for (name, view, text) in [
            ("overview", "#/", "Give the user of the region's secret"),
            ("tenants", "#/tenants/", "Harbour Credit Union"),
            ("running", "#/tenants/river-trust", "5 of 9 steps are completed"),
            ("failed", "#/tenants/acme-bank", "It failed at: create graph"),
        ] {
            browser.visit(view).await?;
            browser.sees(text).await?;
            let picture = browser.picture().await?;
            keep(name, &picture)?;
        }
        browser.visit("#/tenants/old-mill").await?;
        browser.click("Purge…").await?;
        browser.sees("client_old-mill").await?;
        keep("purge-plan", &browser.picture().await?)
    })
    .await
}
