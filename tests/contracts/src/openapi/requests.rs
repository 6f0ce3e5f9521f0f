//! Request bodies and query parameters. The schema of a body is made from the table that the body is parsed with.

use anyhow::Result;
use api_kit::Moment;
use domain::{
    AuditWord, CatalogRequest, HoldRequest, InvitationRequest, ProvisionRequest, PurgeApproval, PurgeRequest,
    RepairRequest, SearchText, SyncTargetRequest, TenantChange,
};
use serde_json::{Map, Value, json};

use super::json::reference;

/// The name of the schema of a route's body.
pub fn of(route: &str) -> Result<&'static str> {
    Ok(match route {
        "provision-tenant" => ProvisionRequest::TITLE,
        "update-tenant" => TenantChange::TITLE,
        "hold-tenant" => HoldRequest::TITLE,
        "purge-tenant" => PurgeRequest::TITLE,
        "approve-purge" => PurgeApproval::TITLE,
        "invite-admin" => InvitationRequest::TITLE,
        "repair-tenant" => RepairRequest::TITLE,
        "upsert-catalog" => CatalogRequest::TITLE,
        "register-sync-target" => SyncTargetRequest::TITLE,
        _ => anyhow::bail!("{route} has no body"),
    })
}

/// The bodies' schemas.
pub fn schemas() -> Map<String, Value> {
    [
        (ProvisionRequest::TITLE, ProvisionRequest::schema()),
        (TenantChange::TITLE, TenantChange::schema()),
        (HoldRequest::TITLE, HoldRequest::schema()),
        (PurgeRequest::TITLE, PurgeRequest::schema()),
        (PurgeApproval::TITLE, PurgeApproval::schema()),
        (InvitationRequest::TITLE, InvitationRequest::schema()),
        (RepairRequest::TITLE, RepairRequest::schema()),
        (CatalogRequest::TITLE, CatalogRequest::schema()),
        (SyncTargetRequest::TITLE, SyncTargetRequest::schema()),
    ]
    .map(|(title, schema)| (title.to_owned(), schema))
    .into_iter()
    .collect()
}

/// The documentation's examples of a body.
pub fn examples(route: &str) -> Vec<(&'static str, Value)> {
    match route {
        "provision-tenant" => vec![(
            "acme-bank",
            json!({
                "slug": "acme-bank", "display_name": "Acme Bank", "region": "us-east-1", "tier": "enterprise",
                "admin_email": "admin@acmebank.com", "data_residency_verified": true,
            }),
        )],
        "update-tenant" => vec![
            ("rename", json!({ "display_name": "Acme Bank AG" })),
            ("tier", json!({ "tier": "enterprise_plus" })),
            ("clear-domain", json!({ "custom_domain": null })),
        ],
        "hold-tenant" => vec![("litigation", json!({ "reason": "Litigation 2026-14, Acme v. Bank" }))],
        "purge-tenant" => vec![
            ("plain", json!({ "confirm": "acme-bank" })),
            (
                "at-once",
                json!({ "confirm": "acme-bank", "customer": "delete", "data": "keep", "reason": "The bank asked for it in writing." }),
            ),
        ],
        "approve-purge" => vec![("plain", json!({ "confirm": "acme-bank" }))],
        "invite-admin" => vec![("another", json!({ "admin_email": "chief@acmebank.com" }))],
        "repair-tenant" => vec![("what-is-broken", json!({ "resources": ["graph_user", "search_alias"] }))],
        "upsert-catalog" => vec![(
            "acme",
            json!({
                "catalog_uri": "https://iomete.internal/api/v1/catalog", "warehouse": "s3://ivory-iceberg/",
                "storage_prefix": "tenants/acme/", "s3_endpoint": "https://s3.us-east-1.amazonaws.com",
            }),
        )],
        "register-sync-target" => vec![(
            "companies",
            json!({
                "tenant_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "source_schema": "public", "source_table": "companies",
                "iceberg_namespace": "ivory_tenant_acme", "iceberg_table": "companies_snapshot", "sync_mode": "incremental",
                "primary_key_cols": ["id"], "cursor_col": "updated_at",
            }),
        )],
        _ => Vec::new(),
    }
}

/// A query parameter.
pub fn query(name: &str) -> Result<Value> {
    let (source, description, schema) = match name {
        "limit" => (
            "ours",
            "Rows of a page.",
            json!({ "type": "integer", "minimum": 1, "maximum": 10_000, "default": 10_000 }),
        ),
        "cursor" => (
            "ours",
            "Where the page begins: taken from the `Link` of the page before.",
            json!({ "type": "string", "pattern": "^A[A-Za-v][A-Za-z0-9_-]{30}$" }),
        ),
        "provisioning_state" => ("ours", "Only tenants in this state.", reference("ProvisioningState")),
        "tier" => ("ours", "Only tenants of this tier.", reference("Tier")),
        "region" => ("ours", "Only tenants of this region.", reference("Region")),
        "q" => (
            "ours",
            "Only tenants with this text in their slug, name, admin's address or custom domain, in any case.",
            SearchText::schema(),
        ),
        "customer" => ("ours", "The plan with this policy.", reference("CustomerPolicy")),
        "data" => ("ours", "The plan with this policy.", reference("DataPolicy")),
        "actor" => (
            "ours",
            "Only what they did, as rows name them; a consumer without its key's digest means all its keys.",
            AuditWord::schema(),
        ),
        "action" => ("ours", "Only this action, such as `tenant.update`.", AuditWord::schema()),
        "request_id" => ("ours", "Only what this request did.", AuditWord::schema()),
        "since" | "until" => (
            "ours",
            if name == "since" { "Only rows of this time or later." } else { "Only rows of before this time." },
            json!({ "type": "string", "format": "date-time", "pattern": Moment::PATTERN }),
        ),
        "tenant_id" => ("seed", "Only this tenant's.", json!({ "type": "string", "format": "uuid" })),
        _ => anyhow::bail!("no query parameter {name}"),
    };
    Ok(
        json!({ "name": name, "in": "query", "required": false, "x-source": source, "description": description, "schema": schema }),
    )
}
