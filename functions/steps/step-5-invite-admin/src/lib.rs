//! Step 5: the tenant's admin is invited by mail, once, and made the tenant's admin in the IAM schema.

use std::time::Duration;

use domain::{Failure, Step};
use lambda_kit::needs;
use step_kit::{Lease, Outcome, Work};
use supabase_project::Admins;

needs! {
    /// Invites the tenant's admin.
    pub struct InviteAdmin {
        admins: Admins,
    }
}

impl Work for InviteAdmin {
    type Step = Step;
    const STEP: Step = Step::InviteAdmin;
    const POLL: Duration = Duration::from_secs(5);

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        match self.admins.admit(lease).await {
            Ok(true) => Ok(Outcome::DONE),
            Ok(false) => Ok(Outcome::waiting("auth_configuration")),
            Err(failure) => Err(self.admins.explain(lease, failure).await),
        }
    }
}
