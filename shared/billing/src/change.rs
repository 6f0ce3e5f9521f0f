//! A tier change, for a route: intent, Stripe, row. If the process dies in between, the intent is left, and is due once
//! the lease has ended.

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind, Patch};
use store::{Lease, StoreError, Tenant, Update};
use uuid::Uuid;

use crate::account::{Biller, Plan};
use crate::settle::Settled;

/// The result of a tier change.
#[derive(Debug)]
pub enum Changed {
    /// Row and Stripe are at the new tier.
    Done(Box<Tenant>),
    /// The tenant is not at the version that the caller saw; the row is unchanged.
    VersionMismatch,
    /// Another tenant has the domain; the row is unchanged.
    DomainTaken,
    /// Stripe refused, or its state does not allow the change: neither Stripe nor the row changed.
    Refused(Failure),
    /// The change failed, and the row is unchanged. If Stripe changed, the reconciler changes it back.
    Failed(Failure),
}

/// Why a tier change was not begun; nothing was written.
#[derive(Debug)]
pub enum ChangeNotBegun {
    /// The tenant is not at the version that the caller saw.
    VersionMismatch,
    /// Another tenant has the domain.
    DomainTaken,
    /// The lease or the database failed.
    Failed(Failure),
}

impl From<StoreError> for ChangeNotBegun {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ChangeNotBegun> for Changed {
    fn from(reason: ChangeNotBegun) -> Self {
        match reason {
            ChangeNotBegun::VersionMismatch => Self::VersionMismatch,
            ChangeNotBegun::DomainTaken => Self::DomainTaken,
            ChangeNotBegun::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// Commits the intent. From then on Stripe will be settled, even if this process dies. Everything that could stop the
/// change at its end is checked first, because Stripe would have to be changed back then. The lease has to outlast
/// `call`.
pub async fn begin_change(lease: &Lease<'_>, update: &Update<'_>, call: Duration) -> Result<Uuid, ChangeNotBegun> {
    let (store, tenant) = (lease.store(), lease.tenant());
    if update.version.is_some_and(|version| version != tenant.version) {
        return Err(ChangeNotBegun::VersionMismatch);
    }
    if let Patch::Set(domain) = &update.change.custom_domain
        && store.domain_taken(tenant.tenant_id, domain.as_str()).await?
    {
        return Err(ChangeNotBegun::DomainTaken);
    }
    match lease.intend_billing(call, update.version).await? {
        Some(intent) => Ok(intent),
        None if outdated(lease, update).await? => Err(ChangeNotBegun::VersionMismatch),
        None => Err(ChangeNotBegun::Failed(CauseCode::LeaseLapsed.into())),
    }
}

/// Writes the row after Stripe reached the new tier, closes the intent and gives the lease back, in one statement.
/// `None`: the lease had ended, or the tenant is no longer active or at another version. Then the intent stays open.
pub async fn finish_change(
    lease: &Lease<'_>,
    intent: Uuid,
    settled: &Settled,
    update: &Update<'_>,
) -> Result<Option<Tenant>, StoreError> {
    lease.retier(intent, settled.customer_id.as_deref(), update).await
}

impl Biller<'_> {
    /// Makes a whole tier change. The lease is given back after every outcome. The future may be dropped while it
    /// waits. That has the same effect as a crash.
    pub async fn change_tier(self, lease: &Lease<'_>, update: &Update<'_>) -> Changed {
        let changed = self.try_change(lease, update).await;
        // After Done and Refused the lease is given back already, unless their last statement was not answered.
        if let Err(error) = lease.release().await {
            tracing::warn!(%error, "the lease could not be given back; it ends on its own");
        }
        changed
    }

    async fn try_change(self, lease: &Lease<'_>, update: &Update<'_>) -> Changed {
        let intent = match begin_change(lease, update, self.call).await {
            Ok(intent) => intent,
            Err(reason) => return reason.into(),
        };
        let wanted = Plan::of(update.change.tier.unwrap_or(lease.tenant().tier));
        let mut touched = false;
        let settled = match self.settle_noting(lease, wanted, &mut touched).await {
            Ok(settled) => settled,
            Err(failure) if failure.kind() == FailureKind::Rejected && !touched => {
                if !matches!(lease.billing_settled(intent, None).await, Ok(true)) {
                    tracing::warn!(%intent, "the intent is left to the reconciler");
                }
                return Changed::Refused(failure);
            }
            Err(failure) => return Changed::Failed(failure),
        };
        match finish_change(lease, intent, &settled, update).await {
            Ok(Some(tenant)) => Changed::Done(Box::new(tenant)),
            Ok(None) => match outdated(lease, update).await {
                Ok(true) => Changed::VersionMismatch,
                Ok(false) => Changed::Failed(CauseCode::LeaseLapsed.into()),
                Err(error) => Changed::Failed(error.into()),
            },
            Err(StoreError::Taken { .. }) => Changed::DomainTaken,
            Err(error) => Changed::Failed(error.into()),
        }
    }
}

/// Whether the tenant is at another version than the one the caller saw.
async fn outdated(lease: &Lease<'_>, update: &Update<'_>) -> Result<bool, StoreError> {
    let Some(version) = update.version else { return Ok(false) };
    let now = lease.store().tenant_by_slug(&lease.tenant().slug).await?;
    Ok(now.is_none_or(|tenant| tenant.version != version))
}
