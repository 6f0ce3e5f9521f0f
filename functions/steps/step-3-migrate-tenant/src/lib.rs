//! Step 3: IAM schema, SoD rules and workflow templates in the tenant's database, all or nothing.

use std::time::Duration;

use domain::{Failure, Step};
use environment::Environment;
use step_kit::{Outcome, Platform, Run, StepError, Work};

/// All migrations together: the statement time-out of one, and room for the rest.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(90);

/// The step.
pub struct MigrateTenant {
    environment: Environment,
}

impl MigrateTenant {
    /// Built from `SUPABASE_API_URL`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { environment: Environment::new(platform) })
    }
}

impl Work for MigrateTenant {
    const STEP: Step = Step::MigrateTenant;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let mut database = self.environment.database(run).await?;
        run.fence(MIGRATION_TIMEOUT).await?;
        let migrated = database.migrate().await?;
        Ok(Outcome::Schema { version: migrated.version })
    }
}
