//! The tenant's secret, from the moment step 1 created it.

use domain::{CauseCode, Failure, FailureKind, Step};
use lambda_kit::{Read, needs};
use secrets::TenantSecret;
use store::{Lease, Purpose};

needs! {
    /// The secrets of tenants.
    pub struct TenantSecrets {
        secrets: Read<TenantSecret>,
    }
}

impl TenantSecrets {
    /// The secret of the lease's tenant. In steps 1 and 2 a missing secret is [`FailureKind::Busy`]: step 1 created it
    /// a moment ago, and it cannot be read everywhere yet.
    pub async fn of(&self, lease: &Lease<'_>) -> Result<TenantSecret, Failure> {
        let just_created = matches!(lease.purpose(), Purpose::Step(Step::CreateEnvironment | Step::AwaitEnvironment));
        self.secrets.read_of(lease.tenant().tenant_id).await.map_err(|failure| match failure.code() {
            CauseCode::SecretMissing if just_created => failure.of_kind(FailureKind::Busy),
            _ => failure,
        })
    }
}
