//! The source of each field. A field that is not listed here is ours.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

/// Schema, source, fields.
const SOURCES: &[(&str, &str, &str)] = &[
    ("ProvisionTenant", "seed", "slug display_name region tier admin_email data_residency_verified"),
    ("Accepted", "seed", "tenant_id slug provisioning_state"),
    ("Accepted", "inferred", "poll_url"),
    (
        "ListedTenant",
        "reference",
        "tenant_id slug display_name tier region provisioning_state is_active provisioned_at",
    ),
    (
        "TenantRecord",
        "seed",
        "tenant_id slug display_name region tier supabase_url supabase_project_ref falkordb_graph_name custom_domain admin_email \
         provisioning_state is_active provisioned_at error_message stripe_customer_id",
    ),
    ("Status", "reference", "tenant_id slug provisioning_state completed_steps failed_steps last_error updated_at"),
    ("UpdateTenant", "reference", "display_name tier custom_domain"),
    ("Invalidated", "reference", "slug cache"),
    (
        "UpsertCatalog",
        "seed",
        "catalog_name catalog_type catalog_uri warehouse storage_prefix s3_endpoint s3_access_key_id s3_secret_key_enc metadata",
    ),
    (
        "CatalogRecord",
        "seed",
        "id tenant_id tenant_slug catalog_name catalog_type catalog_uri warehouse storage_prefix is_active provisioned_at",
    ),
    ("Healthy", "inferred", "status"),
    ("Unhealthy", "seed", "status error"),
    (
        "RegisterSyncTarget",
        "seed",
        "tenant_id source_schema source_table iceberg_namespace iceberg_table sync_mode primary_key_cols cursor_col \
         fivetran_connector_id metadata",
    ),
    (
        "SyncTargetRecord",
        "seed",
        "id catalog_name tenant_slug source_schema source_table iceberg_namespace iceberg_table sync_mode cursor_col created_at",
    ),
    ("SyncTargetRecord", "inferred", "tenant_id primary_key_cols fivetran_connector_id metadata"),
];

/// Marks every property of every object with its source.
pub fn mark(schemas: &mut Map<String, Value>) -> Result<()> {
    for schema in schemas.values_mut() {
        for (_, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            property["x-source"] = json!("ours");
        }
    }
    for (name, source, fields) in SOURCES {
        let schema = schemas.get_mut(*name).with_context(|| format!("no schema {name}"))?;
        for field in fields.split_whitespace() {
            let property =
                schema["properties"].get_mut(field).with_context(|| format!("{name} has no field {field}"))?;
            ensure!(property["x-source"] == "ours", "{name}.{field} comes from two sources");
            property["x-source"] = json!(source);
        }
    }
    Ok(())
}
