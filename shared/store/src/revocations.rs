//! Promises of kind `revoke_access`: a deprovisioned tenant's API keys and database password may still be good.

use std::time::Duration;

use domain::{ProvisioningState, TenantId};
use tokio_postgres::types::{ToSql, Type};

use crate::lease::{NotLeased, Purpose};
use crate::outbox::OpenPromise;
use crate::{Lease, Store, StoreError};

impl Store {
    /// Promises that are due, the longest overdue first.
    pub async fn revocations_due(&self, limit: i64) -> Result<Vec<OpenPromise>, StoreError> {
        let rows = self.read(include_str!("../sql/revocations_due.sql"), &[(&limit, Type::INT8)]).await?;
        rows.iter().map(OpenPromise::try_from).collect()
    }

    /// Takes the lease of a tenant that is deprovisioned. As long as it is held, nobody brings the tenant back.
    pub async fn lease_for_revocation(
        &self,
        tenant_id: TenantId,
        token: &str,
        work: Duration,
    ) -> Result<Lease<'_>, NotLeased> {
        self.lease_for(Purpose::Revocation, tenant_id, token, work, &[ProvisioningState::Deprovisioned]).await
    }
}

impl Lease<'_> {
    /// Keys and password of these projects are revoked; there are none where the tenant has no project any more. Closes the
    /// promise and gives the lease back. False: the lease had ended, and nothing was written.
    pub async fn access_revoked(&self, promise: OpenPromise, projects: &[String]) -> Result<bool, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&promise.id, Type::UUID),
            (&projects, Type::TEXT_ARRAY),
            (&self.store.actor, Type::TEXT),
        ];
        Ok(self.store.query_opt(include_str!("../sql/access_revoked.sql"), parameters).await?.is_some())
    }
}
