//! Helpers that take leases and read refusals.

use std::time::Duration;

use domain::{CauseCode, Failure, Step};
use store::{Intent, KeyedRequest, Lease, NotBegun, ResourceKind, StepTask, Tenant};

use crate::support::Database;

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);
/// How long one outside call may take.
pub(crate) const CALL: Duration = Duration::from_secs(5);

impl Database {
    /// Begins a step, with much time.
    pub(crate) async fn begin(&self, tenant: &Tenant, step: Step, token: &str) -> Result<Lease<'_>, NotBegun> {
        self.begin_for(tenant, step, token, LONG, LONG).await
    }

    /// Begins a step whose work may take `work`, in an invocation that can live for `invocation`.
    pub(crate) async fn begin_for(
        &self,
        tenant: &Tenant,
        step: Step,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<Lease<'_>, NotBegun> {
        let task = StepTask { tenant_id: tenant.tenant_id, attempt: tenant.attempt, step };
        self.store.begin_step(task, token, work, invocation).await
    }

    /// Makes the tenant's lease end now.
    pub(crate) async fn end_lease(&self, tenant: &Tenant) {
        let sql = "UPDATE control.tenants SET lease_until = clock_timestamp() WHERE tenant_id = $1";
        self.own.connect().await.execute(sql, &[&tenant.tenant_id.0]).await.expect("answers");
    }

    /// The tenant as it is now.
    pub(crate) async fn row(&self, tenant: &Tenant) -> Tenant {
        self.store.tenant_by_slug(&tenant.slug).await.expect("answers").expect("there")
    }
}

/// A request to Stripe's test mode.
pub(crate) fn request<'a>(body: &'a str, idempotency_key: &'a str) -> KeyedRequest<'a> {
    KeyedRequest { body, idempotency_key, livemode: false }
}

/// An intent whose call takes [`CALL`].
pub(crate) fn intent(kind: ResourceKind) -> Intent<'static> {
    Intent::named(kind, "name", CALL)
}

/// Why it was refused.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> CauseCode {
    outcome.expect_err("refused").code()
}
