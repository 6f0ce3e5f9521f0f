//! `lakehouse.sync_targets`: which Postgres table is replicated into which Iceberg table.

use domain::{CatalogName, Identifier, Slug, SyncMode, SyncTargetRequest, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use crate::tenants::parsed;
use crate::{Store, StoreError};

/// A sync target's row.
#[derive(Clone, Debug)]
pub struct SyncTarget {
    /// Primary key (UUID v7).
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The tenant's slug.
    pub tenant_slug: Slug,
    /// The tenant's catalog that it is synced into.
    pub catalog_name: CatalogName,
    /// The table's schema in Postgres.
    pub source_schema: String,
    /// The table in Postgres.
    pub source_table: String,
    /// The table's namespace in Iceberg.
    pub iceberg_namespace: String,
    /// The table in Iceberg.
    pub iceberg_table: String,
    /// How it is replicated.
    pub sync_mode: SyncMode,
    /// The columns that identify a row.
    pub primary_key_cols: Vec<String>,
    /// The column that shows which rows changed.
    pub cursor_col: Option<String>,
    /// The connector that feeds the source.
    pub fivetran_connector_id: Option<String>,
    /// The caller's own object.
    pub metadata: Value,
    /// First registration.
    pub created_at: Timestamp,
    /// Last registration.
    pub updated_at: Timestamp,
}

impl TryFrom<&Row> for SyncTarget {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            tenant_id: TenantId(row.try_get("tenant_id")?),
            tenant_slug: parsed(row, "tenant_slug")?,
            catalog_name: parsed(row, "catalog_name")?,
            source_schema: row.try_get("source_schema")?,
            source_table: row.try_get("source_table")?,
            iceberg_namespace: row.try_get("iceberg_namespace")?,
            iceberg_table: row.try_get("iceberg_table")?,
            sync_mode: parsed(row, "sync_mode")?,
            primary_key_cols: row.try_get("primary_key_cols")?,
            cursor_col: row.try_get("cursor_col")?,
            fivetran_connector_id: row.try_get("fivetran_connector_id")?,
            metadata: row.try_get("metadata")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// A target to register. It was checked before that its namespace belongs to the tenant.
#[derive(Clone, Copy, Debug)]
pub struct NewSyncTarget<'a> {
    /// The request.
    pub request: &'a SyncTargetRequest,
    /// The caller, for the audit log.
    pub actor: &'a str,
    /// The request's id, for the audit log.
    pub request_id: &'a str,
}

/// Why a target was not registered.
#[derive(Debug)]
pub enum NotRegistered {
    /// There is no such tenant, or it is deprovisioned.
    NoTenant,
    /// The tenant has no active catalog, or none of that name.
    NoActiveCatalog,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for NotRegistered {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Store {
    /// Registers a target, or replaces the same one: same tenant, source and destination.
    pub async fn register_sync_target(&self, new: NewSyncTarget<'_>) -> Result<SyncTarget, NotRegistered> {
        let request = new.request;
        let primary_key_cols: Vec<_> = request.primary_key_cols.iter().map(Identifier::as_str).collect();
        let row = self
            .query_opt(
                include_str!("../sql/sync_target_upsert.sql"),
                &[
                    (&Uuid::now_v7(), Type::UUID),
                    (&request.tenant_id.0, Type::UUID),
                    (&request.catalog_name.as_ref().map(CatalogName::as_str), Type::TEXT),
                    (&request.source_schema.as_str(), Type::TEXT),
                    (&request.source_table.as_str(), Type::TEXT),
                    (&request.iceberg_namespace.as_str(), Type::TEXT),
                    (&request.iceberg_table.as_str(), Type::TEXT),
                    (&request.sync_mode.as_str(), Type::TEXT),
                    (&primary_key_cols, Type::TEXT_ARRAY),
                    (&request.cursor_col.as_ref().map(Identifier::as_str), Type::TEXT),
                    (&request.fivetran_connector_id.as_ref().map(domain::FivetranId::as_str), Type::TEXT),
                    (&Json(&request.metadata), Type::JSONB),
                    (&new.actor, Type::TEXT),
                    (&new.request_id, Type::TEXT),
                ],
            )
            .await?
            .ok_or(NotRegistered::NoTenant)?;
        let id: Option<Uuid> = row.try_get("id").map_err(StoreError::from)?;
        if id.is_none() {
            return Err(NotRegistered::NoActiveCatalog);
        }
        Ok(SyncTarget::try_from(&row)?)
    }
}
