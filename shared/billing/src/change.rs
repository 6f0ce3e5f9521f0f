//! A tier change, for a route: intent, Stripe, row. Whoever is cut off between any two of them leaves an intent that is
//! due once its lease is over.

use std::time::Duration;

use domain::{Failure, FailureKind, Patch};
use store::{StoreError, Tenant, Update};
use tenant_lease::{Held, lease_lapsed};
use uuid::Uuid;

use crate::{Billing, Plan, Settled};

/// What became of a tier change.
#[derive(Debug)]
pub enum Changed {
    /// Row and Stripe are at the new tier.
    Done(Box<Tenant>),
    /// The tenant is not at the version the caller looked at; the row is unchanged.
    VersionMismatch,
    /// Another tenant has the domain; the row is unchanged.
    DomainTaken,
    /// Stripe, or what was found there, is against it: neither Stripe nor the row changed.
    Refused(Failure),
    /// Not now: the row is unchanged, and if Stripe is not, the reconciler brings it back.
    Failed(Failure),
}

/// Why a tier change was not begun; nothing was written.
#[derive(Debug)]
pub enum NotBegun {
    /// The tenant is not at the version the caller looked at.
    VersionMismatch,
    /// Another tenant has the domain.
    DomainTaken,
    /// The lease, or the database.
    Failed(Failure),
}

impl From<StoreError> for NotBegun {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<NotBegun> for Changed {
    fn from(reason: NotBegun) -> Self {
        match reason {
            NotBegun::VersionMismatch => Self::VersionMismatch,
            NotBegun::DomainTaken => Self::DomainTaken,
            NotBegun::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// Commits the intent: from now on somebody settles Stripe, whatever becomes of this process. What would stop the change
/// at its end is looked at first, since Stripe would have to be brought back then. The lease has to outlast `call`.
pub async fn begin_change(held: &Held<'_>, update: &Update<'_>, call: Duration) -> Result<Uuid, NotBegun> {
    let (store, tenant) = (held.store(), held.tenant());
    if update.version.is_some_and(|version| version != tenant.version) {
        return Err(NotBegun::VersionMismatch);
    }
    if let Patch::Set(domain) = &update.change.custom_domain
        && store.domain_taken(tenant.tenant_id, domain.as_str()).await?
    {
        return Err(NotBegun::DomainTaken);
    }
    match store.intend_billing(held.lease(), call, update.version).await? {
        Some(intent) => Ok(intent),
        None if outdated(held, update).await? => Err(NotBegun::VersionMismatch),
        None => Err(NotBegun::Failed(lease_lapsed())),
    }
}

/// Writes the row once Stripe is at its new tier, closes the intent and gives the lease back, in one statement. `None`:
/// the lease had lapsed, the tenant is not active any more or at another version; the intent stays.
pub async fn finish_change(
    held: &Held<'_>,
    intent: Uuid,
    settled: &Settled,
    update: &Update<'_>,
) -> Result<Option<Tenant>, StoreError> {
    held.store().retier_tenant(held.lease(), intent, settled.customer_id.as_deref(), update).await
}

impl Billing {
    /// The whole of a tier change. Whatever the outcome, the lease is given back. May be dropped while it waits: what is
    /// left then is what a crash leaves.
    pub async fn change_tier(&self, held: &Held<'_>, update: &Update<'_>) -> Changed {
        let changed = self.try_change(held, update).await;
        // Done and Refused gave it back already, unless their last statement went unanswered.
        if let Err(error) = held.store().release_lease(held.lease()).await {
            tracing::warn!(%error, "the lease lapses by itself");
        }
        changed
    }

    async fn try_change(&self, held: &Held<'_>, update: &Update<'_>) -> Changed {
        let intent = match begin_change(held, update, self.call).await {
            Ok(intent) => intent,
            Err(reason) => return reason.into(),
        };
        let wanted = Plan::of(update.change.tier.unwrap_or(held.tenant().tier));
        let mut touched = false;
        let settled = match self.settle_noting(held, wanted, &mut touched).await {
            Ok(settled) => settled,
            Err(failure) if failure.kind == FailureKind::Rejected && !touched => {
                if !matches!(held.store().billing_settled(held.lease(), intent).await, Ok(true)) {
                    tracing::warn!(%intent, "the intent is left to the reconciler");
                }
                return Changed::Refused(failure);
            }
            Err(failure) => return Changed::Failed(failure),
        };
        match finish_change(held, intent, &settled, update).await {
            Ok(Some(tenant)) => Changed::Done(Box::new(tenant)),
            Ok(None) => match outdated(held, update).await {
                Ok(true) => Changed::VersionMismatch,
                Ok(false) => Changed::Failed(lease_lapsed()),
                Err(error) => Changed::Failed(error.into()),
            },
            Err(StoreError::Taken { .. }) => Changed::DomainTaken,
            Err(error) => Changed::Failed(error.into()),
        }
    }
}

/// Whether the tenant is at another version than the caller looked at.
async fn outdated(held: &Held<'_>, update: &Update<'_>) -> Result<bool, StoreError> {
    let Some(version) = update.version else { return Ok(false) };
    let now = held.store().tenant_by_slug(&held.tenant().slug).await?;
    Ok(now.is_none_or(|tenant| tenant.version != version))
}
