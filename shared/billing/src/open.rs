//! Open intents, for the reconciler: Stripe is set to the row's tier.

use std::time::Duration;

use domain::{CauseCode, ProvisioningState};
use lambda_kit::Budget;
use store::{Lease, NotLeased, OpenPromise, Store, StoreError};

use crate::account::{Biller, Plan};

/// How many intents one pass settles. The others are still due in the next pass.
const ROWS: i64 = 20;
/// How long settling one tenant may take: customer, price, subscription and change, each with a look before.
const PER_TENANT: Duration = Duration::from_secs(20);
/// States in which the tenant's subscription is settled here. Before a tenant is active, its pipeline does the billing.
const SETTLED_HERE: &[ProvisioningState] = &[ProvisioningState::Active, ProvisioningState::Deprovisioned];

/// The result of one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Intents that were closed: Stripe is at the row's tier.
    pub settled: usize,
    /// Intents that were skipped, because another invocation holds the tenant's lease.
    pub busy: usize,
    /// Intents that stay open, to be tried again later.
    pub failed: usize,
}

impl Biller<'_> {
    /// Settles open intents that are due. `token` is the invocation's request id.
    pub async fn settle_open(self, store: &Store, budget: Budget, token: &str) -> Result<Report, StoreError> {
        let mut report = Report::default();
        for intent in store.billing_due(ROWS).await? {
            let budget = budget.at_most(PER_TENANT);
            // A look and a change.
            if budget.left() < self.call * 2 {
                break;
            }
            match store.lease_for_billing(intent.tenant_id, token, budget.left(), SETTLED_HERE).await {
                Ok(lease) => {
                    let settled = self.settle_one(intent, &lease, budget).await?;
                    *(if settled { &mut report.settled } else { &mut report.failed }) += 1;
                }
                Err(NotLeased::Busy) => report.busy += 1,
                Err(NotLeased::State(_) | NotLeased::Unknown) => {
                    store.drop_billing_intent(intent).await?;
                    report.settled += 1;
                }
                Err(NotLeased::Store(error)) => return Err(error),
            }
        }
        Ok(report)
    }

    /// Settles one tenant under its lease, and gives the lease back.
    async fn settle_one(self, intent: OpenPromise, lease: &Lease<'_>, budget: Budget) -> Result<bool, StoreError> {
        let tenant = lease.tenant();
        let tenant_id = tenant.tenant_id;
        let wanted = if tenant.state == ProvisioningState::Active { Plan::of(tenant.tier) } else { None };
        let settled = budget.spend(self.settle(lease, wanted)).await;
        let failure = match settled.unwrap_or_else(|| Err(CauseCode::BillingTimeout.into())) {
            Ok(settled) => {
                let closed = lease.billing_settled(intent.id, settled.customer_id.as_deref()).await?;
                tracing::info!(%tenant_id, change = ?settled.change, closed, "billing settled");
                return Ok(closed);
            }
            Err(failure) => failure,
        };
        let code = failure.code().as_str();
        tracing::warn!(%tenant_id, code, provider_request_id = failure.provider_request_id(), "billing not settled");
        lease.store().postpone_billing_intent(intent, code).await?;
        lease.release().await?;
        Ok(false)
    }
}
