//! A sync target.

use domain::{CatalogName, Slug, SyncMode, TenantId};
use serde::Serialize;
use serde_json::Value;
use store::SyncTarget;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Moment;

/// A Postgres table and the Iceberg table it is replicated into.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncTargetRecord<'a> {
    id: Uuid,
    tenant_id: TenantId,
    tenant_slug: &'a Slug,
    /// Which of the tenant's catalogs it is synced into.
    catalog_name: &'a CatalogName,
    source_schema: &'a str,
    source_table: &'a str,
    iceberg_namespace: &'a str,
    iceberg_table: &'a str,
    sync_mode: SyncMode,
    /// What identifies a row.
    primary_key_cols: &'a [String],
    /// What tells a changed row.
    cursor_col: Option<&'a str>,
    fivetran_connector_id: Option<&'a str>,
    /// Whether the caller knew that another target may feed the same Iceberg table.
    shared_table: bool,
    /// Arbitrary metadata.
    #[schema(value_type = Object)]
    metadata: &'a Value,
    /// First registration.
    created_at: Moment,
    /// Last registration.
    updated_at: Moment,
}

impl<'a> From<&'a SyncTarget> for SyncTargetRecord<'a> {
    fn from(target: &'a SyncTarget) -> Self {
        Self {
            id: target.id,
            tenant_id: target.tenant_id,
            tenant_slug: &target.tenant_slug,
            catalog_name: &target.catalog_name,
            source_schema: &target.source_schema,
            source_table: &target.source_table,
            iceberg_namespace: &target.iceberg_namespace,
            iceberg_table: &target.iceberg_table,
            sync_mode: target.sync_mode,
            primary_key_cols: &target.primary_key_cols,
            cursor_col: target.cursor_col.as_deref(),
            fivetran_connector_id: target.fivetran_connector_id.as_deref(),
            shared_table: target.shared_table,
            metadata: &target.metadata,
            created_at: Moment(target.created_at),
            updated_at: Moment(target.updated_at),
        }
    }
}
