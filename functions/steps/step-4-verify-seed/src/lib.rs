//! Step 4: the tenant's database holds as many roles, permissions, rules and templates as the migrations ship.

use std::time::Duration;

use domain::{CauseCode, Failure, Step};
use lambda_kit::needs;
use step_kit::{Effect, Lease, Outcome, Work};
use supabase_project::{SupabaseProject, migrate};
use tenant_database::{manifest, newest_version};

/// A release's newest migrations on a schema that exists already.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(20);

needs! {
    /// Counts the seeded rows.
    pub struct VerifySeed {
        project: SupabaseProject,
    }
}

impl Work for VerifySeed {
    type Step = Step;
    const STEP: Step = Step::VerifySeed;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let mut database = self.project.database(lease).await?;
        let mut version = lease.tenant().schema_version.unwrap_or_default();
        if version < newest_version() {
            // Step 3 was completed by an older release, and a completed step is not run again.
            version = migrate(lease, &mut database, MIGRATION_TIMEOUT).await?;
        }
        let newer = version > newest_version();
        match database.seed_counts().await?.differences(manifest(), newer) {
            None => Ok(Outcome::Completed(Effect { schema_version: Some(version), ..Effect::NONE })),
            Some(found) => Err(Failure::with_detail(CauseCode::SeedMismatch, found)),
        }
    }
}
