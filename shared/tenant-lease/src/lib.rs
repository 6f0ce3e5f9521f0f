//! Acting outside for a tenant: only under its lease, and only what the lease outlasts. Steps, routes and the reconciler
//! all go through here, so that two of them never act for one tenant at once.

use std::time::{Duration, SystemTime};

use domain::{Failure, FailureKind, Owner, Step};
use store::{Intent, Lease, Resource, ResourceKind, Store, StoreError, Tenant};

/// A tenant's lease that is held, and the tenant as it was when the lease was taken.
pub struct Held<'a> {
    store: &'a Store,
    lease: Lease,
    tenant: Tenant,
    step: Step,
    work_ends: SystemTime,
}

impl<'a> Held<'a> {
    /// A lease that was just taken. `step` is whose ledger rows are written; `work_ends` is when this invocation's work is
    /// cut off, a little before its lease lapses.
    #[must_use]
    pub fn new(store: &'a Store, lease: Lease, tenant: Tenant, step: Step, work_ends: SystemTime) -> Self {
        Self { store, lease, tenant, step, work_ends }
    }

    /// The control database.
    #[must_use]
    pub const fn store(&self) -> &'a Store {
        self.store
    }

    /// The lease, for statements of one's own.
    #[must_use]
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// A call that could not end before this invocation does would be cut off in the middle. Looked at again once the
    /// database has answered: a process that was frozen meanwhile finds its lease lapsed, whatever the answer says. By the
    /// wall clock: a monotonic one may stand still while the environment is frozen.
    fn in_time(&self, call: Duration) -> Result<(), Failure> {
        if SystemTime::now() + call <= self.work_ends { Ok(()) } else { Err(lease_too_short()) }
    }

    /// Makes sure that the lease outlasts a call of that length. Comes before every call that changes something
    /// outside and has no intent of its own.
    pub async fn fence(&self, call: Duration) -> Result<(), Failure> {
        if self.store.lease_outlasts(&self.lease, call).await? { self.in_time(call) } else { Err(lease_too_short()) }
    }

    /// The live ledger row of that kind, if there is one.
    pub async fn resource(&self, kind: ResourceKind) -> Result<Option<Resource>, Failure> {
        Ok(self.store.resource(self.tenant.tenant_id, kind).await?)
    }

    /// Every name this tenant's resources of that kind ever had.
    pub async fn resource_names(&self, kind: ResourceKind) -> Result<Vec<String>, Failure> {
        Ok(self.store.resource_names(self.tenant.tenant_id, kind).await?)
    }

    /// Writes down what is about to be asked for. It is committed when this returns, and the lease outlasts the call.
    pub async fn intend(&self, intent: Intent<'_>) -> Result<Resource, Failure> {
        self.in_time(intent.call)?;
        let written = self.store.intend(&self.lease, self.step, intent).await?.ok_or_else(lease_too_short)?;
        self.in_time(intent.call).map(|()| written)
    }

    /// The live ledger row, or a new intent; for effects that may be repeated as they are.
    pub async fn intend_again(&self, intent: Intent<'_>) -> Result<Resource, Failure> {
        match self.resource(intent.kind).await? {
            Some(resource) => self.fence(intent.call).await.map(|()| resource),
            None => self.intend(intent).await,
        }
    }

    /// Gives an open intent a new request and key: the one before is known to have had no effect.
    pub async fn renew(&self, resource: &Resource, request: &str, key: &str, call: Duration) -> Result<(), Failure> {
        self.in_time(call)?;
        let renewed = self.store.renew_intent(&self.lease, resource.id, request, key, call).await?;
        if renewed { self.in_time(call) } else { Err(lease_too_short()) }
    }

    /// The resource is there, under this id.
    pub async fn confirm(
        &self,
        resource: &Resource,
        external_id: &str,
        provider_request_id: Option<&str>,
    ) -> Result<(), Failure> {
        written(self.store.confirm(&self.lease, resource.id, external_id, provider_request_id).await)
    }

    /// The resource was never made, or is gone for good.
    pub async fn give_up(&self, resource: &Resource) -> Result<(), Failure> {
        written(self.store.give_up(&self.lease, resource.id).await)
    }
}

/// What it means that a statement wrote nothing: the lease had lapsed. Whether somebody else took over, the next
/// invocation finds out when it begins.
pub fn written(outcome: Result<bool, StoreError>) -> Result<(), Failure> {
    if outcome? { Ok(()) } else { Err(lease_lapsed()) }
}

/// The lease does not outlast what would have to be done next; the next invocation has a new one.
fn lease_too_short() -> Failure {
    Failure::new(
        FailureKind::Busy,
        "lease_too_short",
        Owner::Platform,
        "The step ran out of time before its next call; it goes on in its next invocation.",
    )
}

/// The lease lapsed while its holder was at work; nothing was written since.
#[must_use]
pub fn lease_lapsed() -> Failure {
    Failure::new(
        FailureKind::Busy,
        "lease_lapsed",
        Owner::Platform,
        "The step was stalled until its lease lapsed; it goes on in its next invocation.",
    )
}
