//! Open intents, for the reconciler: Stripe is set to the row's tier.

use std::time::{Duration, Instant, SystemTime};

use domain::{Failure, FailureKind, Owner, ProvisioningState, Step};
use store::{Leased, NotLeased, OpenBilling, Store, StoreError};
use tenant_lease::Held;

use crate::{Billing, Plan};

/// Per run: what is left over is due again in the next one.
const ROWS: i64 = 20;
/// What settling one tenant may take: customer, price, subscription, change, and a look at each.
const PER_TENANT: Duration = Duration::from_secs(20);
/// How much longer a lease lasts than the work under it can.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// Where the tenant's subscription is settled here. Before a tenant is active, its pipeline does the billing.
const SETTLED_HERE: &[ProvisioningState] = &[ProvisioningState::Active, ProvisioningState::Deprovisioned];

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Closed: Stripe is at the row's tier.
    pub settled: usize,
    /// Left as they are: somebody else is at work on the tenant.
    pub busy: usize,
    /// Left open, to be tried again later.
    pub failed: usize,
}

/// Settles open intents that are due, within `budget`. `token` is the invocation's request id.
pub async fn settle_open(
    store: &Store,
    billing: &Billing,
    budget: Duration,
    token: &str,
) -> Result<Report, StoreError> {
    let ends = Instant::now() + budget;
    let mut report = Report::default();
    for intent in store.billing_due(ROWS).await? {
        let time = ends.saturating_duration_since(Instant::now()).min(PER_TENANT);
        // A look and a change.
        if time < billing.call_timeout() * 2 {
            break;
        }
        match store.lease_tenant(intent.tenant_id, token, time + LEASE_MARGIN, SETTLED_HERE).await {
            Ok(leased) => {
                let settled = settle_one(store, billing, intent, leased, time).await?;
                *(if settled { &mut report.settled } else { &mut report.failed }) += 1;
            }
            Err(NotLeased::Busy) => report.busy += 1,
            Err(NotLeased::State(_) | NotLeased::Unknown) => {
                store.outbox_delivered(intent.id).await?;
                report.settled += 1;
            }
            Err(NotLeased::Store(error)) => return Err(error),
        }
    }
    Ok(report)
}

/// Settles one tenant under its lease, and gives the lease back.
async fn settle_one(
    store: &Store,
    billing: &Billing,
    intent: OpenBilling,
    Leased { tenant, lease }: Leased,
    time: Duration,
) -> Result<bool, StoreError> {
    let tenant_id = tenant.tenant_id;
    let wanted = if tenant.state == ProvisioningState::Active { Plan::of(tenant.tier) } else { None };
    let held = Held::new(store, lease, tenant, Step::ActivateTenant, SystemTime::now() + time);
    let failure = match tokio::time::timeout(time, billing.settle(&held, wanted)).await {
        Ok(Ok(settled)) => {
            let closed = store.billing_settled(held.lease(), intent.id).await?;
            tracing::info!(%tenant_id, change = ?settled.change, closed, "billing settled");
            return Ok(closed);
        }
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(
            FailureKind::Transient,
            "billing_timeout",
            Owner::Platform,
            "Billing was not settled in the time there was; it is tried again.",
        ),
    };
    let code = &failure.cause.code;
    tracing::warn!(%tenant_id, code, provider_request_id = failure.cause.provider_request_id, "billing not settled");
    store.outbox_postponed(intent.id, code).await?;
    store.release_lease(held.lease()).await?;
    Ok(false)
}
