//! Step 3: IAM schema, SoD rules and workflow templates in the tenant's database, all or nothing.

use std::time::Duration;

use domain::{Failure, Step};
use step_kit::{Outcome, Platform, Run, StepError, Work};

/// All migrations together: the statement time-out of one, and room for the rest.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(90);

/// The step.
pub struct MigrateTenant;

impl MigrateTenant {
    /// Needs nothing of its own.
    pub fn new(_: &Platform) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl Work for MigrateTenant {
    const STEP: Step = Step::MigrateTenant;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let mut database = run.tenant_database().await?;
        run.fence(MIGRATION_TIMEOUT).await?;
        let migrated = database.migrate().await?;
        Ok(Outcome::Schema { version: migrated.version })
    }
}
