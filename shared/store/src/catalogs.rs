//! `lakehouse.tenant_catalogs`. A catalog's credentials are in Secrets Manager; its row names their version.

use domain::{CatalogId, CatalogName, CatalogRequest, CatalogType, Location, Slug, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

use crate::tenants::parsed;
use crate::transaction::Transaction;
use crate::{Author, Reader, Store, StoreError};

/// The lock under which locations are decided. The number is the ASCII of "storage"; any constant would do.
const STORAGE_LOCK: i64 = 0x73_74_6f_72_61_67_65;

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

impl Catalog {
    /// Whether it is the catalog that answers by Iceberg's REST protocol at this address.
    #[must_use]
    pub fn is_at(&self, url: &str) -> bool {
        let url = url.trim_end_matches('/');
        !url.is_empty() && self.catalog_type == CatalogType::Rest && self.catalog_uri.trim_end_matches('/') == url
    }
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
#[derive(Clone, Copy)]
pub struct NewCatalog<'a> {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The request.
    pub request: &'a CatalogRequest,
    /// Whether a catalog of this version may be replaced, or, without a version, one may be created.
    pub permits: &'a (dyn Fn(Option<i64>) -> bool + Send + Sync),
    /// By whom, for the audit log.
    pub author: Author<'a>,
}

/// Why an upsert was not begun.
#[derive(Debug)]
pub enum CatalogNotBegun {
    /// There is no such tenant, or it is deprovisioned.
    NoTenant,
    /// The caller does not permit it.
    VersionMismatch,
    /// Another tenant's data lies at the same place, above it or below it.
    StorageOverlap,
    /// The database. [`StoreError::Timeout`]: another upsert of the same catalog takes too long.
    Store(StoreError),
}

/// Why an upsert was not committed. Nothing is changed then, unless the commit itself was not answered.
#[derive(Debug)]
pub enum CatalogNotCommitted {
    /// Since it was begun, the tenant was deprovisioned.
    NoTenant,
    /// Since it was begun, another tenant took the same place, one above it or one below it.
    StorageOverlap,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for CatalogNotCommitted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
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
    /// Where its data will lie.
    location: Location,
    /// Whether its data lies elsewhere now, or nowhere yet.
    moves: bool,
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

    /// Writes the row with this version of its secret, and the audit row. Where its data moves, that is decided again, one
    /// upsert after the other.
    pub async fn commit(self, secret_version: Option<&str>) -> Result<Catalog, CatalogNotCommitted> {
        if self.moves {
            self.transaction.query_opt(include_str!("../sql/storage_lock.sql"), &[(&STORAGE_LOCK, Type::INT8)]).await?;
            if self.transaction.overlaps(self.new.tenant_id, &self.location).await? {
                self.transaction.roll_back().await;
                return Err(CatalogNotCommitted::StorageOverlap);
            }
        }
        let values = Values::of(&self.new);
        let location = self.location.indexed();
        let mut parameters = values.parameters();
        parameters.extend_from_slice(&[
            (&secret_version, Type::TEXT),
            (&self.new.author.actor, Type::TEXT),
            (&self.new.author.request_id, Type::TEXT),
            (&self.new.author.address, Type::INET),
            (&location, Type::TEXT),
        ]);
        let row = self.transaction.query_opt(include_str!("../sql/catalog_write.sql"), &parameters).await?;
        let Some(row) = row else {
            self.give_up().await;
            return Err(CatalogNotCommitted::NoTenant);
        };
        let catalog = Catalog::try_from(&row)?;
        self.transaction.commit().await?;
        Ok(catalog)
    }

    /// Gives the upsert up; nothing is changed. Dropping does the same, but also closes the connection.
    pub async fn give_up(self) {
        self.transaction.roll_back().await;
    }
}

impl Transaction<'_> {
    /// Whether another tenant's data lies at this location, above it or below it.
    async fn overlaps(&self, tenant_id: TenantId, location: &Location) -> Result<bool, StoreError> {
        let near: &[(&(dyn ToSql + Sync), Type)] =
            &[(&tenant_id.0, Type::UUID), (&location.and_above(), Type::TEXT_ARRAY), (&location.as_str(), Type::TEXT)];
        for row in self.query(include_str!("../sql/storage_near.sql"), near).await? {
            let other = Location::of(row.try_get("warehouse")?, row.try_get("storage_prefix")?);
            if location.overlaps(&other) {
                let (id, other): (Uuid, Uuid) = (row.try_get("id")?, row.try_get("tenant_id")?);
                tracing::warn!(%tenant_id, %other, catalog = %id, "another tenant's data lies there");
                return Ok(true);
            }
        }
        Ok(false)
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
        if !(new.permits)((version > 0).then_some(version)) {
            transaction.roll_back().await;
            return Err(CatalogNotBegun::VersionMismatch);
        }
        let secret_version = row.try_get("secret_version").map_err(StoreError::from)?;
        let location = new.request.location();
        let stored = |column| row.try_get::<_, &str>(column).map_err(StoreError::from);
        let moves = version == 0 || Location::of(stored("warehouse")?, stored("storage_prefix")?) != location;
        // Decided without the lock as well, so that credentials of a catalog that cannot be are not stored.
        if moves && transaction.overlaps(new.tenant_id, &location).await? {
            transaction.roll_back().await;
            return Err(CatalogNotBegun::StorageOverlap);
        }
        Ok(CatalogUpsert { transaction, new, id, secret_version, location, moves })
    }
}

/// The parameters that both statements of an upsert begin with.
struct Values<'a> {
    tenant_id: Uuid,
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
