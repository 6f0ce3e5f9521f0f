//! What a DELETE promises to be done under the tenant's lease. It promises that in its own statement.
//!
//! The lease is given for a deprovisioned tenant only. A tenant that was brought back meanwhile keeps what it has, and none can
//! be brought back while somebody holds the lease: what a step makes cannot be undone by a promise of before. Bringing it back
//! closes what is open of them.

use std::time::Duration;

use domain::{CauseCode, Failure, ProvisioningState, TenantId};
use lambda_kit::Budget;
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::lease::{NotLeased, Purpose};
use crate::{Lease, Store, StoreError};

/// What the lease lasts longer than the calls that it is for.
const MARGIN: Duration = Duration::from_millis(250);

/// What is to be done for a deprovisioned tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Its graph user may still be on.
    SwitchOffGraphUser,
    /// Its API keys and database password may still be good.
    RevokeAccess,
}

impl Duty {
    /// The kind of its rows in the outbox. In the audit log it is the action's name.
    const fn kind(self) -> &'static str {
        match self {
            Self::SwitchOffGraphUser => "switch_off_graph_user",
            Self::RevokeAccess => "revoke_access",
        }
    }
}

/// A duty of one tenant that may not be done.
#[derive(Clone, Copy, Debug)]
pub struct OpenDuty {
    duty: Duty,
    /// The promise.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: TenantId,
}

impl Store {
    /// Duties that are due, the longest overdue first.
    pub async fn duties_due(&self, duty: Duty, limit: i64) -> Result<Vec<OpenDuty>, StoreError> {
        self.duties_open(duty, None, limit).await
    }

    /// The tenant's duty, due or not, if it is still open.
    pub async fn duty_of(&self, duty: Duty, tenant_id: TenantId) -> Result<Option<OpenDuty>, StoreError> {
        Ok(self.duties_open(duty, Some(tenant_id), 1).await?.pop())
    }

    async fn duties_open(
        &self,
        duty: Duty,
        tenant_id: Option<TenantId>,
        limit: i64,
    ) -> Result<Vec<OpenDuty>, StoreError> {
        let tenant_id = tenant_id.map(|tenant_id| tenant_id.0);
        let parameters: &[(&(dyn ToSql + Sync), Type)] =
            &[(&duty.kind(), Type::TEXT), (&tenant_id, Type::UUID), (&limit, Type::INT8)];
        let rows = self.read(include_str!("../sql/duties_open.sql"), parameters).await?;
        let open = |row: &tokio_postgres::Row| {
            Ok(OpenDuty { duty, id: row.try_get("id")?, tenant_id: TenantId(row.try_get("tenant_id")?) })
        };
        rows.iter().map(open).collect()
    }

    /// Does a duty under the tenant's lease. `work` returns what there is to show for it, for the audit log, and may be
    /// repeated. True: the duty is done, or there is none any more. False: it is still open.
    pub async fn keep(
        &self,
        open: OpenDuty,
        token: &str,
        budget: Budget,
        too_slow: CauseCode,
        work: impl AsyncFnOnce(&Lease<'_>) -> Result<Option<Value>, Failure>,
    ) -> Result<bool, StoreError> {
        let (tenant_id, duty) = (open.tenant_id, open.duty.kind());
        let lease = match self.lease_for_duty(open, token, budget.left() + MARGIN).await {
            Ok(lease) => lease,
            // A step that was fenced off may still be at work, or somebody is settling the tenant's billing.
            Err(NotLeased::Busy) => return Ok(false),
            Err(NotLeased::State(_) | NotLeased::Unknown) => {
                tracing::info!(%tenant_id, duty, "the tenant was brought back and keeps what it has");
                self.outbox_delivered(open.id).await?;
                return Ok(true);
            }
            Err(NotLeased::Store(error)) => return Err(error),
        };
        // Boxed, because what is awaited for an outside system is nested deep.
        let outcome = budget.spend(Box::pin(work(&lease))).await;
        match outcome.unwrap_or_else(|| Err(too_slow.into())) {
            Ok(evidence) => lease.duty_done(open, evidence.as_ref()).await,
            Err(failure) => {
                let code = failure.code().as_str();
                tracing::warn!(%tenant_id, duty, code, "a deprovisioned tenant's duty is not done");
                self.outbox_postponed(open.id, code).await?;
                lease.release().await?;
                Ok(false)
            }
        }
    }

    /// Takes the lease of a tenant that is deprovisioned.
    pub async fn lease_for_duty(&self, open: OpenDuty, token: &str, work: Duration) -> Result<Lease<'_>, NotLeased> {
        let states = [ProvisioningState::Deprovisioned];
        self.lease_for(Purpose::Duty(open.duty), open.tenant_id, token, work, &states).await
    }
}

impl Lease<'_> {
    /// Whether a DELETE ever asked for the tenant's keys and password to be revoked. They may have been, or some of them.
    pub async fn access_was_revoked(&self) -> Result<bool, Failure> {
        let sql = include_str!("../sql/access_revoked.sql");
        Ok(!self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID)]).await?.is_empty())
    }

    /// Closes a duty and gives the lease back. False: the lease had ended, and nothing was written.
    pub async fn duty_done(&self, open: OpenDuty, evidence: Option<&Value>) -> Result<bool, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&open.id, Type::UUID),
            (&evidence, Type::JSONB),
            (&self.store.actor, Type::TEXT),
            (&open.duty.kind(), Type::TEXT),
        ];
        Ok(self.store.query_opt(include_str!("../sql/duty_done.sql"), parameters).await?.is_some())
    }
}
