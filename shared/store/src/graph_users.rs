//! Promises of kind `switch_off_graph_user`: the user of a deprovisioned tenant's graph may still be on.

use std::time::Duration;

use domain::{ProvisioningState, TenantId};
use tokio_postgres::types::{ToSql, Type};

use crate::lease::{NotLeased, Purpose};
use crate::outbox::OpenPromise;
use crate::{Lease, Store, StoreError};

impl Store {
    /// Promises that are due, the longest overdue first.
    pub async fn graph_users_due(&self, limit: i64) -> Result<Vec<OpenPromise>, StoreError> {
        self.graph_users_on(None, limit).await
    }

    /// The tenant's promise, if it is still to be kept.
    pub async fn graph_user_on(&self, tenant_id: TenantId) -> Result<Option<OpenPromise>, StoreError> {
        Ok(self.graph_users_on(Some(tenant_id), 1).await?.pop())
    }

    async fn graph_users_on(&self, tenant_id: Option<TenantId>, limit: i64) -> Result<Vec<OpenPromise>, StoreError> {
        let tenant_id = tenant_id.map(|tenant_id| tenant_id.0);
        let sql = include_str!("../sql/graph_users_on.sql");
        let rows = self.read(sql, &[(&tenant_id, Type::UUID), (&limit, Type::INT8)]).await?;
        rows.iter().map(OpenPromise::try_from).collect()
    }

    /// Takes the lease of a tenant that is deprovisioned. As long as it is held, nobody brings the tenant back: what a step
    /// would make cannot be undone by a promise of before.
    pub async fn lease_for_graph_user(
        &self,
        tenant_id: TenantId,
        token: &str,
        work: Duration,
    ) -> Result<Lease<'_>, NotLeased> {
        self.lease_for(Purpose::GraphUser, tenant_id, token, work, &[ProvisioningState::Deprovisioned]).await
    }
}

impl Lease<'_> {
    /// The tenant's graph user is off, or there is none: closes the promise and gives the lease back. False: the lease had
    /// ended, and nothing was written.
    pub async fn graph_user_off(&self, promise: OpenPromise, user: Option<&str>) -> Result<bool, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&promise.id, Type::UUID),
            (&user, Type::TEXT),
            (&self.store.actor, Type::TEXT),
        ];
        Ok(self.store.query_opt(include_str!("../sql/graph_user_off.sql"), parameters).await?.is_some())
    }
}
