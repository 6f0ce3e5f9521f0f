//! Answers of the API about a tenant called `acme-bank`, for a server that has a script.

use serde_json::{Value, json};

use crate::server::Reply;

const TENANT_ID: &str = "0198c0de-0000-7000-8000-000000000001";
const TIME: &str = "2026-01-02T03:04:05.000000Z";

/// The nine steps.
pub const NAMES: [&str; 9] = [
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

/// What a command sends that is answered with [`accepted`].
pub const CREATE: &str = "tenant create acme-bank --display-name 'Acme Bank' --region us-east-1 --admin admin@acme-bank.example \
                          --residency-verified";

pub fn accepted() -> Reply {
    let body = json!({
        "tenant_id": TENANT_ID,
        "slug": "acme-bank",
        "provisioning_state": "provisioning",
        "poll_url": "/v1/admin/tenants/acme-bank/status",
        "run": "started",
    });
    Reply::json(202, &body).with("location", "/v1/admin/tenants/acme-bank/status")
}

/// The record, with another name for people.
pub fn tenant(display_name: &str) -> Reply {
    let body = json!({
        "activated_at": TIME,
        "admin_email": "admin@acme-bank.example",
        "created_at": TIME,
        "custom_domain": null,
        "display_name": display_name,
        "error_message": null,
        "falkordb_graph_name": "client_acme-bank",
        "hold": null,
        "is_active": true,
        "provisioned_at": TIME,
        "provisioning_state": "active",
        "purge": null,
        "region": "us-east-1",
        "restored_at": null,
        "slug": "acme-bank",
        "stripe_customer_id": "cus_1",
        "supabase_project_ref": "abcdefghijklmnopqrst",
        "supabase_url": "https://abcdefghijklmnopqrst.supabase.co",
        "tenant_id": TENANT_ID,
        "tier": "enterprise",
        "updated_at": TIME,
    });
    Reply::json(200, &body).with("etag", "\"3\"")
}

/// A run that waits in its second step.
pub fn running() -> Reply {
    let mut steps = steps(1);
    steps[1]["state"] = json!("waiting");
    steps[1]["waiting_for"] = json!("project");
    steps[1]["started_at"] = json!(TIME);
    status("provisioning", &[], &steps)
}

/// A run that failed in its seventh step.
pub fn failed(owner: &str, code: &str, hint: &str) -> Reply {
    let mut steps = steps(6);
    steps[6]["state"] = json!("failed");
    steps[6]["started_at"] = json!(TIME);
    steps[6]["cause"] = json!({
        "code": code, "owner": owner, "retryable": false, "hint": hint, "provider_request_id": null, "foreseen_at": null,
    });
    status("failed", &["step_7"], &steps)
}

pub fn active() -> Reply {
    status("active", &[], &steps(9))
}

fn status(state: &str, failed: &[&str], steps: &[Value]) -> Reply {
    let completed: Vec<_> = steps.iter().filter(|step| step["state"] == "completed").map(|step| &step["id"]).collect();
    let body = json!({
        "tenant_id": TENANT_ID,
        "slug": "acme-bank",
        "provisioning_state": state,
        "attempt": 1,
        "completed_steps": completed,
        "failed_steps": failed,
        "last_error": (!failed.is_empty()).then_some("step_7: what happened"),
        "lost_domain": null,
        "steps": steps,
        "updated_at": TIME,
    });
    Reply::json(200, &body)
}

/// The nine steps, so many of them completed.
fn steps(completed: usize) -> Vec<Value> {
    let step = |(index, name): (usize, &&str)| {
        let is_completed = index < completed;
        json!({
            "id": format!("step_{}", index + 1),
            "name": name,
            "state": if is_completed { "completed" } else { "pending" },
            "attempts": u8::from(is_completed),
            "cause": null,
            "duration_ms": is_completed.then_some(1200),
            "started_at": is_completed.then_some(TIME),
            "finished_at": is_completed.then_some(TIME),
            "next_retry_at": null,
            "waiting_for": null,
        })
    };
    NAMES.iter().enumerate().map(step).collect()
}
