//! Step 4: the tenant's database holds as many roles, permissions, rules and templates as the migrations ship.

use std::time::Duration;

use domain::{Failure, Owner, Step};
use environment::Environment;
use step_kit::{Outcome, Platform, Run, StepError, Work};
use store::SeedCounts;

/// A release's newest migrations on a schema that is there already.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(20);

/// The step.
pub struct VerifySeed {
    environment: Environment,
}

impl VerifySeed {
    /// Built from `SUPABASE_API_URL`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { environment: Environment::new(platform) })
    }
}

impl Work for VerifySeed {
    const STEP: Step = Step::VerifySeed;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let mut database = self.environment.database(run).await?;
        let mut version = run.tenant().schema_version.unwrap_or_default();
        if version < store::newest_tenant_version() {
            // Step 3 was completed under an older release, and a completed step is not run again.
            run.fence(MIGRATION_TIMEOUT).await?;
            version = database.migrate().await?.version;
        }
        let newer = version > store::newest_tenant_version();
        match differences(database.seed_counts().await?, store::manifest(), newer) {
            None => Ok(Outcome::Schema { version }),
            Some(hint) => Err(StepError::rejected("seed_mismatch", Owner::Platform, &hint)),
        }
    }
}

/// What is there and what should be, where they differ. A database of a newer release may hold more than ours ships.
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
    (!wrong.is_empty())
        .then(|| format!("The tenant's database holds {}; restore its seed rows, then POST again.", wrong.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let shipped = store::manifest();
        assert_eq!(differences(shipped, shipped, false), None);
        let found = SeedCounts { roles: shipped.roles - 1, ..shipped };
        let hint = differences(found, shipped, false).expect("they differ");
        assert!(hint.contains(&format!("{} of {} roles", found.roles, shipped.roles)));
        assert!(!hint.contains("templates"));
    }

    #[test]
    fn a_newer_database_may_hold_more_but_not_less() {
        let shipped = store::manifest();
        let more = SeedCounts { roles: shipped.roles + 1, ..shipped };
        assert_eq!(differences(more, shipped, true), None);
        assert!(differences(more, shipped, false).is_some());
        assert!(differences(shipped, more, true).is_some());
    }
}
