//! Step 4: the tenant's database holds as many roles, permissions, rules and templates as the migrations ship.

use std::time::Duration;

use domain::{CauseCode, Failure, Step};
use lambda_kit::needs;
use step_kit::{Effect, Lease, Outcome, Work};
use supabase_project::SupabaseProject;
use tenant_database::{SeedCounts, manifest, newest_version};

/// A release's newest migrations on a schema that exists already.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(20);

needs! {
    /// Counts the seeded rows.
    pub struct VerifySeed {
        project: SupabaseProject,
    }
}

impl Work for VerifySeed {
    const STEP: Step = Step::VerifySeed;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let mut database = self.project.database(lease).await?;
        let mut version = lease.tenant().schema_version.unwrap_or_default();
        if version < newest_version() {
            // Step 3 was completed by an older release, and a completed step is not run again.
            lease.fence(MIGRATION_TIMEOUT).await?;
            version = database.migrate().await?.version;
        }
        let newer = version > newest_version();
        match differences(database.seed_counts().await?, manifest(), newer) {
            None => Ok(Outcome::Completed(Effect { schema_version: Some(version), ..Effect::NONE })),
            Some(found) => Err(Failure::with_detail(CauseCode::SeedMismatch, found)),
        }
    }
}

/// What was found of what was shipped, where they differ. A database of a newer release may hold more than ours ships.
fn differences(found: SeedCounts, shipped: SeedCounts, newer: bool) -> Option<String> {
    let counts = [
        ("roles", found.roles, shipped.roles),
        ("permissions", found.permissions, shipped.permissions),
        ("SoD rules", found.sod_rules, shipped.sod_rules),
        ("workflow templates", found.workflow_templates, shipped.workflow_templates),
    ];
    let wrong: Vec<String> = counts
        .iter()
        .filter(|(_, found, shipped)| if newer { found < shipped } else { found != shipped })
        .map(|(what, found, shipped)| format!("{found} of {shipped} {what}"))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let shipped = manifest();
        assert_eq!(differences(shipped, shipped, false), None);
        let found = SeedCounts { roles: shipped.roles - 1, ..shipped };
        assert_eq!(differences(found, shipped, false), Some(format!("{} of {} roles", found.roles, shipped.roles)));
    }

    #[test]
    fn a_newer_database_may_hold_more_but_not_less() {
        let shipped = manifest();
        let more = SeedCounts { roles: shipped.roles + 1, ..shipped };
        assert_eq!(differences(more, shipped, true), None);
        assert!(differences(more, shipped, false).is_some());
        assert!(differences(shipped, more, true).is_some());
    }
}
