//! The schemas and examples of successful answers. The schemas are made from the types that are serialised.

use anyhow::Result;
use api_kit::records::{Accepted, AcceptedPurge, AuditRecord, CatalogRecord, SyncTargetRecord, TenantRecord};
use check_lakehouse_health::{Healthy, Unhealthy};
use domain::routes::{self, Route};
use domain::{FieldError, ProblemCode};
use get_caller::KeyHolder;
use get_lakehouse_caller::TokenHolder;
use get_purge::PurgeStatus;
use get_purge_plan::PurgePlan;
use get_tenant_status::Status;
use invalidate_tenant_cache::Invalidated;
use invite_admin::Invitation;
use list_systems::ListedSystem;
use list_tenant_resources::ListedResource;
use list_tenants::ListedTenant;
use serde_json::{Map, Value, json};
use tenant_check::{CheckedPart, RepairedPart};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::headers::{header, headers};
use super::json::{merge, reference};

/// Every schema that answers refer to.
pub fn schemas() -> Map<String, Value> {
    let mut found = Vec::new();
    collect::<Accepted<'_>>(&mut found);
    collect::<ListedTenant<'_>>(&mut found);
    collect::<TenantRecord<'_>>(&mut found);
    collect::<Status<'_>>(&mut found);
    collect::<PurgePlan<'_>>(&mut found);
    collect::<AcceptedPurge<'_>>(&mut found);
    collect::<PurgeStatus<'_>>(&mut found);
    collect::<Invitation<'_>>(&mut found);
    collect::<Invalidated<'_>>(&mut found);
    collect::<ListedSystem<'_>>(&mut found);
    collect::<ListedResource<'_>>(&mut found);
    collect::<CheckedPart>(&mut found);
    collect::<RepairedPart>(&mut found);
    collect::<AuditRecord<'_>>(&mut found);
    collect::<KeyHolder<'_>>(&mut found);
    collect::<CatalogRecord<'_>>(&mut found);
    collect::<SyncTargetRecord<'_>>(&mut found);
    collect::<TokenHolder<'_>>(&mut found);
    collect::<Healthy>(&mut found);
    collect::<Unhealthy>(&mut found);
    collect::<FieldError>(&mut found);
    let mut schemas: Map<_, _> = found.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    schemas.values_mut().for_each(require_what_may_be_null);
    schemas.insert("Problem".to_owned(), problem());
    let codes: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
    let description = "Stable. What each one means stands at the answers that have it.";
    schemas.insert("ProblemCode".to_owned(), json!({ "type": "string", "description": description, "enum": codes }));
    schemas
}

/// An `Option` is answered as null, and never left out.
fn require_what_may_be_null(schema: &mut Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let null = |schema: &Value| schema["type"] == "null";
    let nullable = |schema: &Value| {
        schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
            || schema["oneOf"].as_array().is_some_and(|choices| choices.iter().any(null))
    };
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let required: Vec<_> = properties
        .iter()
        .filter(|(name, schema)| nullable(schema) || required.iter().any(|required| required == *name))
        .map(|(name, _)| name.clone())
        .collect();
    schema["required"] = json!(required);
}

fn collect<T: ToSchema + PartialSchema>(found: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(found);
    found.push((T::name().into_owned(), T::schema()));
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "`urn:ivory-control-plane:problem:{code}`" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What it was this time; constant for a 5xx." },
            "code": reference("ProblemCode"),
            "request_id": { "type": "string", "description": "The same as `x-request-id`." },
            "errors": { "type": "array", "items": reference("FieldError"), "description": "With 422: every bad field." },
        },
    })
}

/// A route's answers by status.
pub fn of(route: &Route) -> Result<Vec<(u16, Value)>> {
    let list = |item: &str| json!({ "type": "array", "items": reference(item) });
    let (description, schema, more): (_, _, &[&str]) = match route.name {
        name if name == routes::PROVISION_TENANT.name => {
            ("Written down; the run is started.", Some(reference("Accepted")), &["Location", "Retry-After"])
        }
        name if name == routes::RETRY_TENANT.name => {
            ("The run goes on.", Some(reference("Accepted")), &["Location", "Retry-After"])
        }
        name if name == routes::RESTORE_TENANT.name => {
            ("The tenant is coming back.", Some(reference("Accepted")), &["Location", "Retry-After"])
        }
        name if name == routes::HOLD_TENANT.name => ("It is held.", Some(reference("TenantRecord")), &["ETag"]),
        name if name == routes::RELEASE_TENANT_HOLD.name => ("It is not held.", None, &[]),
        name if name == routes::GET_PURGE_PLAN.name => ("The plan.", Some(reference("PurgePlan")), &[]),
        name if name == routes::PURGE_TENANT.name || name == routes::APPROVE_PURGE.name => (
            "Written down; the purge begins, or waits for approval.",
            Some(reference("AcceptedPurge")),
            &["Location", "Retry-After"],
        ),
        name if name == routes::GET_PURGE.name => ("How far the purge is.", Some(reference("PurgeStatus")), &[]),
        name if name == routes::LIST_TENANTS.name => ("The tenants.", Some(list("ListedTenant")), &[]),
        name if name == routes::GET_TENANT.name || name == routes::UPDATE_TENANT.name => {
            ("The complete record.", Some(reference("TenantRecord")), &["ETag"])
        }
        name if name == routes::GET_TENANT_STATUS.name => ("How far the run is.", Some(reference("Status")), &[]),
        name if name == routes::DEACTIVATE_TENANT.name => ("It is deactivated.", None, &[]),
        name if name == routes::INVITE_ADMIN.name => ("The mail was sent.", Some(reference("Invitation")), &[]),
        name if name == routes::INVALIDATE_TENANT_CACHE.name => ("It is gone.", Some(reference("Invalidated")), &[]),
        name if name == routes::LIST_SYSTEMS.name => ("The systems.", Some(list("ListedSystem")), &[]),
        name if name == routes::LIST_TENANT_RESOURCES.name => ("The resources.", Some(list("ListedResource")), &[]),
        name if name == routes::CHECK_TENANT.name => ("What was found.", Some(list("CheckedPart")), &[]),
        name if name == routes::REPAIR_TENANT.name => ("What was done.", Some(list("RepairedPart")), &[]),
        name if name == routes::LIST_TENANT_AUDIT.name || name == routes::LIST_AUDIT.name => {
            ("The rows of the audit log.", Some(list("AuditRecord")), &[])
        }
        name if name == routes::GET_CALLER.name => ("Who calls.", Some(reference("KeyHolder")), &[]),
        name if name == routes::UPSERT_CATALOG.name => {
            ("The catalog as it is now.", Some(reference("CatalogRecord")), &["ETag"])
        }
        name if name == routes::GET_CATALOG.name => ("The catalog.", Some(reference("CatalogRecord")), &["ETag"]),
        name if name == routes::LIST_CATALOGS.name => ("The catalogs.", Some(list("CatalogRecord")), &[]),
        name if name == routes::CHECK_LAKEHOUSE_HEALTH.name => ("It answers.", Some(reference("Healthy")), &[]),
        name if name == routes::REGISTER_SYNC_TARGET.name => {
            ("The sync target as it is now.", Some(reference("SyncTargetRecord")), &[])
        }
        name if name == routes::LIST_SYNC_TARGETS.name => ("The sync targets.", Some(list("SyncTargetRecord")), &[]),
        name if name == routes::GET_LAKEHOUSE_CALLER.name => ("Who calls.", Some(reference("TokenHolder")), &[]),
        name if name == routes::GET_CONSOLE.name => ("The page.", None, &["ETag"]),
        name => anyhow::bail!("{name} has no answer"),
    };
    let mut named = headers(more);
    if route.query.contains(&"cursor") {
        named["Link"] = header("Link", false);
    }
    if route.idempotent_by_key() {
        named["Idempotency-Replayed"] = header("Idempotency-Replayed", false);
    }
    if route.name == routes::GET_TENANT_STATUS.name || route.name == routes::GET_PURGE.name {
        named["Retry-After"] = header("Retry-After", false);
    }
    let mut answer = json!({ "description": description, "headers": named });
    if let Some(schema) = schema {
        let example = example(route.name);
        merge(&mut answer, json!({ "content": { "application/json": { "schema": schema, "example": example } } }));
    }
    if route.query == routes::LIST_AUDIT.query {
        answer["content"]["text/csv"] = json!({
            "schema": { "type": "string", "description": "For whoever prefers it in `Accept`: the same fields as columns, objects as JSON." },
            "example": "id,at,actor,action,…\r\n17,2026-03-24T10:00:00.000000Z,api_key:platform#2c70e12b,tenant.create,…\r\n",
        });
    }
    if route.name == routes::GET_CONSOLE.name {
        answer["content"]["text/html"] = json!({
            "schema": { "type": "string", "description": "One document with all that it needs." },
            "example": "<!doctype html>…",
        });
    }
    let mut answers = vec![(route.status, answer)];
    if route.conditional && route.method == "GET" {
        let description = "The caller has this version already, as `If-None-Match` says.";
        answers.push((304, json!({ "description": description, "x-source": "ours", "headers": headers(&["ETag"]) })));
    }
    if route.name == routes::CHECK_LAKEHOUSE_HEALTH.name {
        let content = json!({ "schema": reference("Unhealthy"), "example": { "status": "unavailable", "error": "connection timeout" } });
        let description = "It does not answer, or not as it should.";
        // The gateway's own 503 has no Retry-After, so the header is not required.
        let retry = header("Retry-After", false);
        answers.push((
            503,
            json!({ "description": description, "x-source": "ours", "headers": { "Retry-After": retry }, "content": { "application/json": content } }),
        ));
    }
    Ok(answers)
}

/// The record of a tenant.
fn tenant() -> Value {
    json!({
        "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "display_name": "Acme Bank", "region": "us-east-1",
        "tier": "enterprise", "supabase_url": "https://acme-bank.ivory.finance", "supabase_project_ref": "xyzrefabc123",
        "falkordb_graph_name": "client_acme-bank", "custom_domain": null, "admin_email": "admin@acmebank.com",
        "provisioning_state": "active", "is_active": true, "provisioned_at": "2026-03-24T10:00:00.000000Z", "error_message": null,
        "stripe_customer_id": "cus_abc123xyz", "created_at": "2026-03-24T10:00:00.000000Z", "updated_at": "2026-03-24T10:04:00.000000Z",
        "activated_at": "2026-03-24T10:04:00.000000Z", "restored_at": null, "hold": null, "purge": null,
    })
}

/// The documentation's example of an answer, with its placeholders filled in and its missing fields added.
#[expect(clippy::too_many_lines, reason = "one for each route")]
fn example(name: &str) -> Value {
    let catalog = json!({
        "id": "0196d0c1-5f80-7cc0-8f1a-6b4f2d9e3a11", "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "tenant_slug": "acme",
        "catalog_name": "ivory-lakehouse", "catalog_type": "rest", "catalog_uri": "https://iomete.internal/api/v1/catalog",
        "warehouse": "s3://ivory-iceberg/", "storage_prefix": "tenants/acme/", "s3_endpoint": "https://s3.us-east-1.amazonaws.com",
        "metadata": {}, "is_active": true, "provisioned_at": "2026-03-28T10:00:00.000000Z", "updated_at": "2026-03-28T10:00:00.000000Z",
    });
    let sync_target = json!({
        "id": "0196d0c1-5f80-7cc0-8f1a-6b4f2d9e3a12", "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "tenant_slug": "acme",
        "catalog_name": "ivory-lakehouse", "source_schema": "public", "source_table": "companies",
        "iceberg_namespace": "ivory_tenant_acme", "iceberg_table": "companies_snapshot", "sync_mode": "incremental",
        "primary_key_cols": ["id"], "cursor_col": "updated_at", "fivetran_connector_id": null, "shared_table": false, "metadata": {},
        "created_at": "2026-03-28T10:00:00.000000Z", "updated_at": "2026-03-28T10:00:00.000000Z",
    });
    let differs = domain::Failure::from(domain::CauseCode::GraphUserDiffers)
        .naming(domain::Fact::Graph, "client_acme-bank")
        .naming(domain::Fact::Region, "us-east-1");
    let checked = json!({
        "resource": "graph_user", "name": "client_acme-bank", "state": "broken", "expected": "on, with exactly its rights",
        "found": "off", "repairable": true, "code": differs.code().as_str(), "owner": differs.code().owner(), "hint": differs.hint(),
    });
    match name {
        "provision-tenant" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "provisioning_state": "provisioning",
            "poll_url": "/v1/admin/tenants/acme-bank/status", "run": "started",
        }),
        "retry-tenant" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "provisioning_state": "provisioning",
            "poll_url": "/v1/admin/tenants/acme-bank/status", "run": "resumed", "resumes_at": "step_7",
        }),
        "restore-tenant" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "provisioning_state": "provisioning",
            "poll_url": "/v1/admin/tenants/acme-bank/status", "run": "restored",
        }),
        "hold-tenant" => {
            let mut held = tenant();
            held["hold"] = json!({
                "reason": "Litigation 2026-14, Acme v. Bank", "at": "2026-05-01T09:00:00.000000Z", "by": "api_key:platform#2c70e12b",
            });
            held
        }
        "get-purge-plan" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "provisioning_state": "deprovisioned",
            "policies": { "customer": "keep", "data": "drop" }, "may_begin": false, "obstacle": "retrieval_period",
            "deprovisioned_at": "2026-05-01T09:00:00.000000Z", "retrieval_days": 30, "retrieval_until": "2026-05-31T09:00:00.000000Z",
            "needs_reason": false, "needs_approval": false, "point_of_no_return": "purge_3",
            "resources": [{
                "kind": "graph", "name": "client_acme-bank", "external_id": null, "action": "delete", "why": null, "step": "purge_4",
                "reversible": false, "known": true, "cost": "memory of the region's FalkorDB",
            }],
            "kept": ["the tenant's record, under its id"],
        }),
        "purge-tenant" | "approve-purge" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "policies": { "customer": "keep", "data": "drop" },
            "purge": {
                "state": "running", "step": "purge_1", "requested_at": "2026-06-01T09:00:00.000000Z", "point_of_no_return": "purge_3",
                "no_return_at": null, "poll_url": "/v1/admin/purges/a1b2c3d4-5e6f-7890-abcd-ef1234567890",
            },
            "request": "started", "poll_url": "/v1/admin/purges/a1b2c3d4-5e6f-7890-abcd-ef1234567890",
        }),
        "get-purge" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "state": "running", "attempt": 1,
            "policies": { "customer": "keep", "data": "drop" }, "retrieval_days": 30, "reason": null,
            "requested_by": "api_key:platform#2c70e12b", "requested_at": "2026-06-01T09:00:00.000000Z", "approved_by": null, "approved_at": null,
            "step": "purge_4", "point_of_no_return": "purge_3", "no_return_at": "2026-06-01T09:00:07.000000Z", "cause": null, "finished_at": null,
            "slug_released": false,
            "steps": [{
                "id": "purge_3", "name": "delete-index", "state": "completed", "attempts": 1, "started_at": "2026-06-01T09:00:07.000000Z",
                "finished_at": "2026-06-01T09:00:08.000000Z", "waiting_for": null, "next_retry_at": null, "cause": null,
            }],
            "items": [{
                "kind": "search_index", "name": "client_acme-bank_v1", "external_id": null, "asked_at": "2026-06-01T09:00:08.000000Z",
                "answered": "no such index", "outcome": "gone", "why": null, "until": null,
            }],
            "certificate": null,
        }),
        "list-tenants" => json!([{
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "display_name": "Acme Bank", "tier": "enterprise",
            "region": "us-east-1", "provisioning_state": "active", "is_active": true, "provisioned_at": "2026-03-24T10:00:00.000000Z",
        }]),
        "get-tenant" | "update-tenant" => tenant(),
        "get-tenant-status" => json!({
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "slug": "acme-bank", "provisioning_state": "provisioning",
            "completed_steps": ["step_1"], "failed_steps": [], "last_error": null, "updated_at": "2026-03-24T10:01:00.000000Z", "attempt": 1,
            "lost_domain": null, "purge": null,
            "steps": [{
                "id": "step_2", "name": "await-environment", "state": "waiting", "attempts": 1, "started_at": "2026-03-24T10:00:30.000000Z",
                "finished_at": null, "duration_ms": null, "waiting_for": "the project to be ACTIVE_HEALTHY",
                "next_retry_at": "2026-03-24T10:01:15.000000Z", "cause": null,
            }],
        }),
        "invite-admin" => {
            json!({ "kind": "invitation", "admin_email": "admin@acmebank.com", "sent_at": "2026-01-01T00:00:00.000000Z" })
        }
        "invalidate-tenant-cache" => json!({ "slug": "acme-bank", "cache": "invalidated" }),
        "list-systems" => json!([{
            "system": "falkordb", "region": "us-east-1", "tier": null, "verdict": "usable", "fresh": true, "cause": null,
            "warnings": [{ "code": "falkordb_no_timeout", "hint": domain::Warning::FalkorDbNoTimeout.hint() }],
            "checked_at": "2026-03-24T10:00:00.000000Z", "age": 12,
        }]),
        "list-tenant-resources" => json!([{
            "kind": "graph", "name": "client_acme-bank", "external_id": "client_acme-bank", "state": "made", "region": "us-east-1",
            "step": "step_6", "attempt": 1, "provider_request_id": null, "asked_at": "2026-03-24T10:00:41.000000Z",
            "made_at": "2026-03-24T10:00:41.200000Z", "given_up_at": null,
        }]),
        "check-tenant" => json!([checked]),
        "repair-tenant" => json!([{
            "resource": "graph_user", "outcome": "mended", "code": null, "owner": null, "hint": null,
            "after": [{
                "resource": "graph_user", "name": "client_acme-bank", "state": "ok", "expected": "on, with exactly its rights",
                "found": "on, with exactly its rights", "repairable": true, "code": null, "owner": null, "hint": null,
            }],
        }]),
        "list-audit" | "list-tenant-audit" => json!([{
            "id": 17, "at": "2026-03-24T10:00:00.000000Z", "actor": "api_key:platform#2c70e12b", "action": "tenant.update",
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "request_id": "2f3c9b1e-0a4d-4f6a-9a57-0c8d9c1f2b3a",
            "source_address": "203.0.113.7", "before": { "display_name": "Acme" }, "after": { "display_name": "Acme Bank" },
            "addresses": { "/source_address": {
                "digest": "6b4a2d3d7ed1d51a5b9d3a7f5d7f5c0b3c7a0a3c9fd0b7d6d5f5be3d0b9b8a11", "salt": "0196d0c15f804cc08f1a6b4f2d9e3a11",
            } },
            "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "seq": 1,
            "previous_seal": "0000000000000000000000000000000000000000000000000000000000000000",
            "seal": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752", "sealed_at": "2026-03-24T10:01:00.000000Z",
        }]),
        "upsert-catalog" | "get-catalog" => catalog,
        "list-catalogs" => json!([catalog]),
        "check-lakehouse-health" => {
            json!({ "status": "ok", "latency_ms": 12, "checked_at": "2026-03-28T10:00:00.000000Z" })
        }
        "register-sync-target" => sync_target,
        "list-sync-targets" => json!([sync_target]),
        "get-caller" => json!({
            "name": "reporting", "groups": ["auditor"],
            "operations": [
                "list-tenants", "get-tenant", "get-tenant-status", "list-systems", "list-tenant-resources", "check-tenant", "list-tenant-audit", "list-audit", "get-caller",
            ],
        }),
        "get-lakehouse-caller" => json!({
            "name": "auth0|5f7c8ec7c33c6c004bbafe82", "issuer": "https://example.eu.auth0.com/", "roles": ["tenant"],
            "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "expires_at": "2026-03-28T11:00:00.000000Z",
            "operations": ["get-catalog", "list-sync-targets", "get-lakehouse-caller"],
        }),
        _ => Value::Null,
    }
}
