//! Request bodies and query parameters. Bodies are read field by field, so that a caller hears of every mistake at once;
//! a contract test holds these schemas against what the parsers know and require.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::reference;

/// No control characters.
const NO_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// Which schema a route's body has.
pub fn of(route: &str) -> Result<&'static str> {
    Ok(match route {
        "provision-tenant" => "ProvisionTenant",
        "update-tenant" => "UpdateTenant",
        "upsert-catalog" => "UpsertCatalog",
        "register-sync-target" => "RegisterSyncTarget",
        _ => anyhow::bail!("{route} has no body"),
    })
}

/// A body's fields, and those of them that are required.
pub fn fields(route: &str) -> Result<(Vec<String>, Vec<String>)> {
    let schema = schemas().remove(of(route)?).context("no such schema")?;
    let properties = schema["properties"].as_object().context("properties")?.keys().cloned().collect();
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok((properties, required.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()))
}

/// The bodies' schemas.
pub fn schemas() -> Map<String, Value> {
    let nullable = |mut schema: Value| {
        schema["type"] = json!([schema["type"], "null"]);
        schema
    };
    let metadata =
        json!({ "type": "object", "default": {}, "description": "Arbitrary metadata, at most 64 KiB as JSON." });
    let plain = |max: u32| json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": NO_CONTROLS });
    let uri = |description: &str| json!({ "type": "string", "maxLength": 2048, "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:", "description": description });
    let identifier = plain(63);
    let secret = |description: &str| {
        let mut schema = nullable(plain(1024));
        schema["writeOnly"] = json!(true);
        schema["description"] = json!(description);
        schema
    };
    let bodies = json!({
        "ProvisionTenant": {
            "type": "object", "additionalProperties": false,
            "required": ["slug", "display_name", "region", "admin_email", "data_residency_verified"],
            "properties": {
                "slug": reference("Slug"),
                "display_name": reference("DisplayName"),
                "region": reference("Region"),
                "tier": { "$ref": "#/components/schemas/Tier", "description": "`enterprise` for a new tenant, the stored one for a resume." },
                "admin_email": { "$ref": "#/components/schemas/AdminEmail", "description": "Receives the invitation of step 5." },
                "data_residency_verified": { "const": true, "description": "Confirms that the region's residency requirements were verified." },
            },
        },
        "UpdateTenant": {
            "type": "object", "additionalProperties": false,
            "properties": {
                "display_name": reference("DisplayName"),
                "tier": { "$ref": "#/components/schemas/Tier", "description": "Changes billing; needs an active tenant." },
                "custom_domain": {
                    "type": ["string", "null"], "maxLength": 253,
                    "pattern": r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
                    "description": "A host name of the tenant's own, kept in lower case; null clears it.",
                },
            },
        },
        "UpsertCatalog": {
            "type": "object", "additionalProperties": false,
            "required": ["catalog_uri", "warehouse", "storage_prefix"],
            "properties": {
                "catalog_name": { "type": "string", "default": "ivory-lakehouse", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" },
                "catalog_type": { "$ref": "#/components/schemas/CatalogType", "default": "rest" },
                "catalog_uri": uri("`rest`: http or https; `hive`: thrift; `glue`: https or an ARN. Without credentials."),
                "warehouse": uri("A URI of any scheme, without credentials."),
                "storage_prefix": plain(1024),
                "s3_endpoint": nullable(uri("http or https, without credentials.")),
                "s3_access_key_id": secret("One half of the object store's credentials."),
                "s3_secret_key_enc": secret("The other half. Sent in clear over TLS, stored encrypted in Secrets Manager only."),
                "metadata": metadata,
                "is_active": { "type": "boolean", "default": true },
            },
        },
        "RegisterSyncTarget": {
            "type": "object", "additionalProperties": false,
            "required": ["tenant_id", "source_schema", "source_table", "iceberg_namespace", "iceberg_table"],
            "properties": {
                "tenant_id": { "type": "string", "format": "uuid" },
                "source_schema": identifier, "source_table": identifier,
                "iceberg_namespace": {
                    "type": "string", "maxLength": 255, "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
                    "description": "`ivory_tenant_{slug}`, its hyphens also as underscores, or a dotted child of it.",
                },
                "iceberg_table": { "type": "string", "pattern": r"^[^./\u0000-\u001f\u007f-\u009f]{1,255}$" },
                "sync_mode": { "$ref": "#/components/schemas/SyncMode", "default": "incremental" },
                "primary_key_cols": { "type": "array", "items": identifier, "uniqueItems": true, "maxItems": 32, "default": [] },
                "cursor_col": nullable(identifier.clone()),
                "fivetran_connector_id": nullable(plain(255)),
                "metadata": metadata,
                "catalog_name": { "type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", "description": "The newest active catalog where none is named." },
            },
        },
    });
    match bodies {
        Value::Object(bodies) => bodies,
        _ => Map::new(),
    }
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
        "tenant_id" => ("seed", "Only this tenant's.", json!({ "type": "string", "format": "uuid" })),
        _ => anyhow::bail!("no query parameter {name}"),
    };
    Ok(
        json!({ "name": name, "in": "query", "required": false, "x-source": source, "description": description, "schema": schema }),
    )
}
