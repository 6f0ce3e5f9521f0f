//! Billing intents, kind `settle_billing` of the outbox: Stripe may not know of a tier change or a deactivation yet.

use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::outbox::OpenPromise;
use crate::tenants::Tenant;
use crate::{Lease, Store, StoreError, Update};

impl Store {
    /// Open intents that are due, the longest overdue first.
    pub async fn billing_due(&self, limit: i64) -> Result<Vec<OpenPromise>, StoreError> {
        let rows = self.read(include_str!("../sql/billing_due.sql"), &[(&limit, Type::INT8)]).await?;
        rows.iter().map(OpenPromise::try_from).collect()
    }

    /// Closes an intent without settling it: the tenant's pipeline does its billing, or the tenant does not exist.
    pub async fn drop_billing_intent(&self, intent: OpenPromise) -> Result<(), StoreError> {
        self.query(include_str!("../sql/billing_dropped.sql"), &[(&intent.id, Type::UUID)]).await.map(drop)
    }

    /// Leaves an intent open, to be tried again later. `code` is the code of the cause.
    pub async fn postpone_billing_intent(&self, intent: OpenPromise, code: &str) -> Result<(), StoreError> {
        self.outbox_postponed(intent.id, code).await
    }
}

/// The statements that only billing makes under its lease.
impl Lease<'_> {
    /// Commits the intent of a tier change, due once the lease is over. `None`: the lease would not outlast a call of
    /// that length, the tenant is not active, or its version is not the expected one any more.
    pub async fn intend_billing(&self, call: Duration, version: Option<i64>) -> Result<Option<Uuid>, StoreError> {
        let id = Uuid::now_v7();
        let row = self
            .store
            .query_opt(
                include_str!("../sql/billing_intend.sql"),
                &[
                    (&id, Type::UUID),
                    (&self.tenant.tenant_id.0, Type::UUID),
                    (&self.token, Type::TEXT),
                    (&call.as_secs_f64(), Type::FLOAT8),
                    (&version, Type::INT8),
                ],
            )
            .await?;
        Ok(row.map(|_| id))
    }

    /// Closes an intent and gives the lease back: Stripe is at the row's tier, and this is the tenant's customer, if it
    /// has one. False: the lease had ended, and nothing was written.
    pub async fn billing_settled(&self, intent: Uuid, stripe_customer_id: Option<&str>) -> Result<bool, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&intent, Type::UUID),
            (&stripe_customer_id, Type::TEXT),
        ];
        let row = self.store.query_opt(include_str!("../sql/billing_settled.sql"), parameters).await?;
        Ok(row.is_some())
    }

    /// Whether something of the tenant is in Stripe's live mode, or may be.
    pub async fn is_billed_live(&self) -> Result<bool, StoreError> {
        let sql = include_str!("../sql/resources_billed_live.sql");
        Ok(!self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID)]).await?.is_empty())
    }

    /// Writes a tier change once Stripe is at `update.change.tier`, closes its intent and gives the lease back. `None`:
    /// the lease had ended, the tenant is not active, its version is not the expected one, or the change names no tier.
    /// Then nothing was written, and the intent is open.
    pub async fn retier(
        &self,
        intent: Uuid,
        stripe_customer_id: Option<&str>,
        update: &Update<'_>,
    ) -> Result<Option<Tenant>, StoreError> {
        let Some(tier) = update.change.tier else { return Ok(None) };
        let (display_name, (domain_given, domain)) = (update.display_name(), update.custom_domain());
        let row = self
            .store
            .query_opt(
                include_str!("../sql/tenant_retier.sql"),
                &[
                    (&self.tenant.tenant_id.0, Type::UUID),
                    (&self.token, Type::TEXT),
                    (&update.version, Type::INT8),
                    (&tier.as_str(), Type::TEXT),
                    (&stripe_customer_id, Type::TEXT),
                    (&display_name, Type::TEXT),
                    (&domain_given, Type::BOOL),
                    (&domain, Type::TEXT),
                    (&intent, Type::UUID),
                    (&update.invalidation.0, Type::UUID),
                    (update.invalidation.1, Type::JSONB),
                    (&update.actor, Type::TEXT),
                    (&update.request_id, Type::TEXT),
                ],
            )
            .await?;
        row.as_ref().map(Tenant::try_from).transpose()
    }
}
