//! A change of tier: under the tenant's lease, Stripe first, then the row.

use std::time::{Duration, Instant, SystemTime};

use api_kit::Problem;
use billing::{Billing, Changed};
use domain::{ProvisioningState, Step};
use store::{Leased, NotLeased, Store, Tenant, Update};
use tenant_lease::Held;

/// What a change may take.
const WORK: Duration = Duration::from_secs(18);
/// How much longer its lease lasts, so that a copy that stalls is over before anybody else begins.
const MARGIN: Duration = Duration::from_secs(5);
/// How long another operation is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(200);

/// The tenant at its new tier.
pub async fn change(store: &Store, billing: &Billing, tenant: &Tenant, update: &Update<'_>) -> Result<Tenant, Problem> {
    let work_ends = SystemTime::now() + WORK;
    let Leased { tenant, lease } = lease(store, tenant, update.request_id).await?;
    let held = Held::new(store, lease, tenant, Step::ActivateTenant, work_ends);
    match billing.change_tier(&held, update).await {
        Changed::Done(tenant) => Ok(*tenant),
        Changed::VersionMismatch => Err(Problem::version_mismatch()),
        Changed::DomainTaken => Err(Problem::domain_taken()),
        Changed::Refused(failure) => {
            tracing::warn!(
                code = failure.cause.code,
                provider_request_id = failure.cause.provider_request_id,
                "billing was refused"
            );
            // A credential of ours that is missing, malformed or not accepted is no refusal of the change.
            let code = failure.cause.code.as_str();
            if code.starts_with("secret_") || matches!(code, "stripe_unauthorized" | "stripe_answer_too_large") {
                return Err(Problem::internal());
            }
            Err(Problem::billing_rejected(&failure.cause))
        }
        Changed::Failed(failure) => {
            tracing::error!(
                code = failure.cause.code,
                provider_request_id = failure.cause.provider_request_id,
                "billing did not come to its end"
            );
            Err(Problem::unavailable())
        }
    }
}

async fn lease(store: &Store, tenant: &Tenant, token: &str) -> Result<Leased, Problem> {
    let started = Instant::now();
    loop {
        match store.lease_tenant(tenant.tenant_id, token, WORK + MARGIN, &[ProvisioningState::Active]).await {
            Ok(leased) => return Ok(leased),
            Err(NotLeased::Busy) if started.elapsed() < PATIENCE => tokio::time::sleep(GLANCE).await,
            Err(NotLeased::Busy) => return Err(Problem::operation_in_progress()),
            Err(NotLeased::State(_)) => return Err(Problem::tenant_not_active("The tenant is not active any more.")),
            Err(NotLeased::Unknown) => return Err(Problem::tenant_not_found()),
            Err(NotLeased::Store(error)) => return Err(error.into()),
        }
    }
}
