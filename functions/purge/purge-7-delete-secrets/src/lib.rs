//! Step 7 of a purge: the tenant's secret, which nobody can read from now on. Secrets Manager deletes it later.

use std::time::Duration;

use domain::{Failure, PurgeStep, PurgedKind, names};
use lambda_kit::{Discard, needs};
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use secrets::TenantSecret;
use store::ResourceKind;

/// One call of Secrets Manager.
const CALL: Duration = Duration::from_secs(10);

needs! {
    /// Ends the tenant's secret.
    pub struct DeleteSecrets {
        tenants: Discard<TenantSecret>,
    }
}

impl Work for DeleteSecrets {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::DeleteSecrets;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        let tenant_id = lease.tenant().tenant_id;
        let row = lease.resource(ResourceKind::TenantSecret).await?;
        let secret = Thing::of(lease, PurgedKind::TenantSecret, names::secret(tenant_id));
        let secret = secret.in_ledger(row.map(|row| row.id));
        lease.fence(CALL).await?;
        self.tenants.schedule(&tenant_id).await?;
        secret.discarded(self.tenants.end_of(&tenant_id).await?).await?;
        Ok(Outcome::DONE)
    }
}
