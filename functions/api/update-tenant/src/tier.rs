//! A change of tier: under the tenant's lease, Stripe first, then the row.

use std::time::{Duration, Instant};

use api_kit::{Budget, Problem};
use billing::{Billing, Changed};
use domain::{CauseCode, Failure, ProvisioningState, System};
use store::{Lease, NotLeased, Store, Tenant, Update};

/// The longest time for a change, the wait for the lease included. What is left of the request's time is for the cache.
const WORK: Duration = Duration::from_secs(18);
/// The longest time for one call of Stripe. A change takes three at most, and the last of them is the slow one. If something
/// is gone at Stripe, it takes up to nine; a change that does not end in time is left to the reconciler.
const STRIPE_CALL: Duration = Duration::from_secs(6);
/// How long to wait for another operation on the tenant, and how often to look.
const LEASE_WAIT: Duration = Duration::from_secs(2);
const LEASE_POLL: Duration = Duration::from_millis(200);

/// The tenant at its new tier.
pub async fn change(
    store: &Store,
    billing: &Billing,
    tenant: &Tenant,
    update: &Update<'_>,
    budget: Budget,
) -> Result<Tenant, Problem> {
    let lease = lease(store, tenant, update.author.request_id, budget.at_most(WORK)).await?;
    match billing.within(STRIPE_CALL).change_tier(&lease, update).await {
        Changed::Done(tenant) => Ok(*tenant),
        Changed::VersionMismatch => Err(Problem::version_mismatch()),
        Changed::DomainTaken => Err(Problem::domain_taken()),
        Changed::Refused(failure) => {
            tracing::warn!(
                code = failure.code().as_str(),
                provider_request_id = failure.provider_request_id(),
                "billing was refused"
            );
            Err(if is_ours(&failure) { Problem::internal() } else { Problem::billing_rejected(&failure) })
        }
        Changed::Failed(failure) => {
            let provider_request_id = failure.provider_request_id();
            lambda_kit::trouble!(failure, provider_request_id, "billing was not finished");
            Err(Problem::unavailable())
        }
    }
}

/// Whether a refusal is about our own secret or Stripe's address, and not about the change.
fn is_ours(failure: &Failure) -> bool {
    let code = failure.code();
    let ours = matches!(
        code,
        CauseCode::StripeUnauthorized | CauseCode::StripeKeyOfTestMode | CauseCode::StripeAnswerTooLarge
    );
    ours || code.system() == System::Secrets
}

/// The tenant's lease, for the time that is left of `work` once it is taken.
async fn lease<'a>(store: &'a Store, tenant: &Tenant, token: &str, work: Budget) -> Result<Lease<'a>, Problem> {
    let started = Instant::now();
    loop {
        match store.lease_for_billing(tenant.tenant_id, token, work.left(), &[ProvisioningState::Active]).await {
            Ok(lease) => return Ok(lease),
            Err(NotLeased::Busy) if started.elapsed() < LEASE_WAIT => tokio::time::sleep(LEASE_POLL).await,
            Err(NotLeased::Busy) => return Err(Problem::operation_in_progress()),
            Err(NotLeased::State(_)) => return Err(Problem::tenant_not_active("The tenant is not active any more.")),
            Err(NotLeased::Unknown) => return Err(Problem::tenant_not_found()),
            Err(NotLeased::Store(error)) => return Err(error.into()),
        }
    }
}
