//! A change of tier: under the tenant's lease, Stripe first, then the row.

use std::time::Duration;

use api_kit::{Budget, Problem, take_lease};
use billing::{Billing, Changed};
use domain::{CauseCode, Failure, ProvisioningState, System};
use store::{Store, Tenant, Update};

/// The longest time for a change, the wait for the lease included. What is left of the request's time is for the cache.
const WORK: Duration = Duration::from_secs(18);
/// The longest time for one call of Stripe. A change takes three at most, and the last of them is the slow one. If something
/// is gone at Stripe, it takes up to nine; a change that does not end in time is left to the reconciler.
const STRIPE_CALL: Duration = Duration::from_secs(6);
/// How long to wait for another operation on the tenant.
const LEASE_WAIT: Duration = Duration::from_secs(2);

/// The tenant at its new tier.
pub async fn change(
    store: &Store,
    billing: &Billing,
    tenant: &Tenant,
    update: &Update<'_>,
    budget: Budget,
) -> Result<Tenant, Problem> {
    let work = budget.at_most(WORK);
    let states = [ProvisioningState::Active];
    let take = || store.lease_for_billing(tenant.tenant_id, update.author.request_id, work.left(), &states);
    let lease =
        take_lease(LEASE_WAIT, take, |_| Problem::tenant_not_active("The tenant is not active any more.")).await?;
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
