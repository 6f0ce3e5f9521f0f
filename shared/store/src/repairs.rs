//! What is written about a repair: before its first call what it is about to bring back, and in the end what came of it.

use std::time::Duration;

use domain::{CatalogId, CatalogName, CauseCode, Failure, ProvisioningState, TenantId, TenantPart};
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::lease::{NotLeased, Purpose, written};
use crate::tenants::{Tenant, parsed};
use crate::{Author, Lease, Reader, Store, StoreError};

/// What a repair did, as far as the control database has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The highest migration of the tenant's database, if that was looked after.
    pub schema_version: Option<i32>,
    /// The billing that was settled: its intent, and the tenant's customer.
    pub settled: Option<(Uuid, Option<String>)>,
}

/// A catalog's credentials, as its row knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogCredentials {
    /// The catalog, which names its secret.
    pub id: CatalogId,
    /// Its name, unique within the tenant.
    pub catalog_name: CatalogName,
    /// The version of the secret that belongs to the row.
    pub version: String,
}

impl Reader {
    /// The credentials of the tenant's active catalogs.
    pub async fn catalog_credentials(&self, tenant_id: TenantId) -> Result<Vec<CatalogCredentials>, StoreError> {
        let sql = include_str!("../sql/read/catalogs_with_credentials.sql");
        let rows = self.read(sql, &[(&tenant_id.0, Type::UUID)]).await?;
        let credentials = |row: &tokio_postgres::Row| {
            Ok(CatalogCredentials {
                id: CatalogId(row.try_get("id")?),
                catalog_name: parsed(row, "catalog_name")?,
                version: row.try_get("secret_version")?,
            })
        };
        rows.iter().map(credentials).collect()
    }

    /// The namespaces into which the tenant's tables are synced.
    pub async fn namespaces(&self, tenant_id: TenantId) -> Result<Vec<String>, StoreError> {
        let sql = include_str!("../sql/read/namespaces_of_tenant.sql");
        let rows = self.read(sql, &[(&tenant_id.0, Type::UUID)]).await?;
        rows.iter().map(|row| Ok(row.try_get("iceberg_namespace")?)).collect()
    }
}

impl Store {
    /// Takes the lease of an active tenant for a repair. `token` is the invocation's request id, and `work` how long the work
    /// under the lease may take.
    pub async fn lease_for_repair(
        &self,
        tenant_id: TenantId,
        token: &str,
        work: Duration,
    ) -> Result<Lease<'_>, NotLeased> {
        self.lease_for(Purpose::Repair, tenant_id, token, work, &[ProvisioningState::Active]).await
    }
}

/// The statements that only a repair makes under its lease.
impl Lease<'_> {
    /// Writes into the audit log what is about to be repaired. When this returns, that is committed.
    pub async fn begin_repair(&self, parts: &[TenantPart], author: Author<'_>) -> Result<(), Failure> {
        let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&author.actor, Type::TEXT),
            (&author.request_id, Type::TEXT),
            (&author.address, Type::INET),
            (&parts, Type::TEXT_ARRAY),
        ];
        let begun = self.store.query_opt(include_str!("../sql/tenant_repair_begin.sql"), parameters).await;
        written(begun.map(|row| row.is_some()))
    }

    /// Writes what a repair did, and gives the lease back. `outcomes` says for the audit log what came of each resource, and
    /// `invalidation` is the payload of the cache invalidation that is promised if the row changes.
    pub async fn repaired(
        &self,
        repaired: &Repaired,
        outcomes: &Value,
        invalidation: (Uuid, &Value),
        author: Author<'_>,
    ) -> Result<Tenant, Failure> {
        let (intent, customer) =
            repaired.settled.as_ref().map_or((None, None), |(id, customer)| (Some(*id), customer.as_deref()));
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&repaired.schema_version, Type::INT4),
            (&customer, Type::TEXT),
            (&intent, Type::UUID),
            (&invalidation.0, Type::UUID),
            (invalidation.1, Type::JSONB),
            (&author.actor, Type::TEXT),
            (&author.request_id, Type::TEXT),
            (&author.address, Type::INET),
            (outcomes, Type::JSONB),
        ];
        let row = self.store.query_opt(include_str!("../sql/tenant_repaired.sql"), parameters).await?;
        let row = row.ok_or_else(|| Failure::from(CauseCode::LeaseLapsed))?;
        Ok(Tenant::try_from(&row)?)
    }
}
