//! Step 3: IAM schema, SoD rules and workflow templates in the tenant's database, all or nothing.

use std::time::Duration;

use domain::{Failure, Step};
use lambda_kit::needs;
use step_kit::{Effect, Lease, Outcome, Work};
use supabase_project::{SupabaseProject, migrate};

/// All migrations together: the time-out of one statement, and time for the rest.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(90);

needs! {
    /// Migrates the tenant's database.
    pub struct MigrateTenant {
        project: SupabaseProject,
    }
}

impl Work for MigrateTenant {
    type Step = Step;
    const STEP: Step = Step::MigrateTenant;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let mut database = self.project.database(lease).await?;
        let version = migrate(lease, &mut database, MIGRATION_TIMEOUT).await?;
        Ok(Outcome::Completed(Effect { schema_version: Some(version), ..Effect::NONE }))
    }
}
