//! A tenant's billing brought back, for a route: an intent, then Stripe. The caller closes the intent in the statement that writes
//! what came of it. If the process dies in between, or Stripe refuses, the intent is left, and the reconciler settles it.

use domain::{CauseCode, Failure};
use store::Lease;
use uuid::Uuid;

use crate::account::{Biller, Plan};
use crate::settle::Settled;

impl Biller<'_> {
    /// Sets Stripe to the row's tier, as step 9 does. Returns the intent, which is still open.
    pub async fn repair(self, lease: &Lease<'_>) -> Result<(Uuid, Settled), Failure> {
        let intent = lease.intend_billing(self.call, None).await?;
        let intent = intent.ok_or_else(|| Failure::from(CauseCode::LeaseLapsed))?;
        let settled = self.settle(lease, Plan::of(lease.tenant().tier)).await?;
        Ok((intent, settled))
    }
}
