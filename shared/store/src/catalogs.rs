//! `lakehouse.tenant_catalogs`. A catalog's credentials are in Secrets Manager; its row names their version.

use domain::{CatalogId, CatalogName, CatalogRequest, CatalogType, Slug, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql, Type};

use crate::tenants::parsed;
use crate::transaction::Transaction;
use crate::{Reader, Store, StoreError};

/// A catalog's row.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Derived from tenant and name.
    pub id: CatalogId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The tenant's slug.
    pub tenant_slug: Slug,
    /// The name, unique within the tenant.
    pub catalog_name: CatalogName,
    /// The protocol that it speaks.
    pub catalog_type: CatalogType,
    /// Its address.
    pub catalog_uri: String,
    /// The warehouse with its data.
    pub warehouse: String,
    /// The tenant's part of the warehouse.
    pub storage_prefix: String,
    /// The object store, if it is not the default one of the scheme.
    pub s3_endpoint: Option<String>,
    /// The version of its secret that belongs to this row. `None`: it has no credentials.
    pub secret_version: Option<String>,
    /// The caller's own object.
    pub metadata: Value,
    /// Whether it is in use.
    pub is_active: bool,
    /// Counts upserts, from 1.
    pub version: i64,
    /// First upsert.
    pub provisioned_at: Timestamp,
    /// Last upsert.
    pub updated_at: Timestamp,
}

impl TryFrom<&Row> for Catalog {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: CatalogId(row.try_get("id")?),
            tenant_id: TenantId(row.try_get("tenant_id")?),
            tenant_slug: parsed(row, "tenant_slug")?,
            catalog_name: parsed(row, "catalog_name")?,
            catalog_type: parsed(row, "catalog_type")?,
            catalog_uri: row.try_get("catalog_uri")?,
            warehouse: row.try_get("warehouse")?,
            storage_prefix: row.try_get("storage_prefix")?,
            s3_endpoint: row.try_get("s3_endpoint")?,
            secret_version: row.try_get("secret_version")?,
            metadata: row.try_get("metadata")?,
            is_active: row.try_get("is_active")?,
            version: row.try_get("version")?,
            provisioned_at: row.try_get("provisioned_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// A catalog to make or replace.
#[derive(Clone, Copy, Debug)]
pub struct NewCatalog<'a> {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The request.
    pub request: &'a CatalogRequest,
    /// The version that the row must have, if any.
    pub if_version: Option<i64>,
    /// The caller, for the audit log.
    pub actor: &'a str,
    /// The request's id, for the audit log.
    pub request_id: &'a str,
}

/// Why an upsert was not begun.
#[derive(Debug)]
pub enum CatalogNotBegun {
    /// There is no such tenant, or it is deprovisioned.
    NoTenant,
    /// The row does not have the required version, or does not exist.
    VersionMismatch,
    /// The database. [`StoreError::Timeout`]: another upsert of the same catalog takes too long.
    Store(StoreError),
}

impl From<StoreError> for CatalogNotBegun {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A catalog whose row is locked. Other upserts of it wait until this one is committed or dropped. That has to happen
/// within 5 s. If it is dropped, nothing was changed. During that time the store has no connection for other
/// statements.
pub struct CatalogUpsert<'a> {
    transaction: Transaction<'a>,
    new: NewCatalog<'a>,
    id: CatalogId,
    secret_version: Option<String>,
}

impl CatalogUpsert<'_> {
    /// The catalog, which names its secret.
    #[must_use]
    pub const fn id(&self) -> CatalogId {
        self.id
    }

    /// The version of its secret that the row has now. `None`: it has no credentials.
    #[must_use]
    pub fn secret_version(&self) -> Option<&str> {
        self.secret_version.as_deref()
    }

    /// Writes the row with this version of its secret, and the audit row. `None`: the tenant was deprovisioned meanwhile, and
    /// nothing was changed.
    pub async fn commit(self, secret_version: Option<&str>) -> Result<Option<Catalog>, StoreError> {
        let values = Values::of(&self.new);
        let mut parameters = values.parameters();
        parameters.extend_from_slice(&[
            (&secret_version, Type::TEXT),
            (&self.new.actor, Type::TEXT),
            (&self.new.request_id, Type::TEXT),
        ]);
        let row = self.transaction.query_opt(include_str!("../sql/catalog_write.sql"), &parameters).await?;
        let Some(row) = row else {
            self.give_up().await;
            return Ok(None);
        };
        let catalog = Catalog::try_from(&row)?;
        self.transaction.commit().await?;
        Ok(Some(catalog))
    }

    /// Gives the upsert up; nothing is changed. Dropping does the same, but also closes the connection.
    pub async fn give_up(self) {
        self.transaction.roll_back().await;
    }
}

impl Reader {
    /// The tenant's catalog: the newest active one.
    pub async fn newest_active_catalog(&self, tenant_id: TenantId) -> Result<Option<Catalog>, StoreError> {
        let rows =
            self.read(include_str!("../sql/read/catalog_newest_active.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        rows.first().map(Catalog::try_from).transpose()
    }
}

impl Store {
    /// Locks the tenant's catalog of that name, so that its secret can be changed before its row is.
    pub async fn begin_catalog_upsert<'a>(&'a self, new: NewCatalog<'a>) -> Result<CatalogUpsert<'a>, CatalogNotBegun> {
        let id = CatalogId::of(new.tenant_id, &new.request.catalog_name);
        let values = Values::of(&new);
        let mut parameters = values.parameters();
        parameters.push((&id.0, Type::UUID));
        let transaction = self.begin().await?;
        let Some(row) = transaction.query_opt(include_str!("../sql/catalog_lock.sql"), &parameters).await? else {
            transaction.roll_back().await;
            return Err(CatalogNotBegun::NoTenant);
        };
        let version: i64 = row.try_get("version").map_err(StoreError::from)?;
        if new.if_version.is_some_and(|expected| expected != version || version == 0) {
            transaction.roll_back().await;
            return Err(CatalogNotBegun::VersionMismatch);
        }
        let secret_version = row.try_get("secret_version").map_err(StoreError::from)?;
        Ok(CatalogUpsert { transaction, new, id, secret_version })
    }

    /// The tenant's catalog of that name, active or not.
    pub async fn catalog(&self, tenant_id: TenantId, name: &CatalogName) -> Result<Option<Catalog>, StoreError> {
        let sql = include_str!("../sql/catalog_by_name.sql");
        let rows = self.read(sql, &[(&tenant_id.0, Type::UUID), (&name.as_str(), Type::TEXT)]).await?;
        rows.first().map(Catalog::try_from).transpose()
    }
}

/// The parameters that both statements of an upsert begin with.
struct Values<'a> {
    tenant_id: uuid::Uuid,
    catalog_name: &'a str,
    catalog_type: &'static str,
    catalog_uri: &'a str,
    warehouse: &'a str,
    storage_prefix: &'a str,
    s3_endpoint: Option<&'a str>,
    metadata: Json<&'a serde_json::Map<String, Value>>,
    is_active: bool,
}

impl<'a> Values<'a> {
    fn of(new: &NewCatalog<'a>) -> Self {
        let request = new.request;
        Self {
            tenant_id: new.tenant_id.0,
            catalog_name: request.catalog_name.as_str(),
            catalog_type: request.catalog_type.as_str(),
            catalog_uri: request.catalog_uri.as_str(),
            warehouse: request.warehouse.as_str(),
            storage_prefix: request.storage_prefix.as_str(),
            s3_endpoint: request.s3_endpoint.as_ref().map(domain::Uri::as_str),
            metadata: Json(&request.metadata),
            is_active: request.is_active,
        }
    }

    /// The parameters `$1` to `$9`.
    fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        vec![
            (&self.tenant_id, Type::UUID),
            (&self.catalog_name, Type::TEXT),
            (&self.catalog_type, Type::TEXT),
            (&self.catalog_uri, Type::TEXT),
            (&self.warehouse, Type::TEXT),
            (&self.storage_prefix, Type::TEXT),
            (&self.s3_endpoint, Type::TEXT),
            (&self.metadata, Type::JSONB),
            (&self.is_active, Type::BOOL),
        ]
    }
}
