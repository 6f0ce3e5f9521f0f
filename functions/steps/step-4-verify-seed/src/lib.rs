//! Step 4: the tenant's database holds as many roles, permissions, rules and templates as the migrations ship.

use domain::{Failure, Owner, Step};
use step_kit::{Outcome, Platform, Run, StepError, Work};
use store::SeedCounts;

/// The step.
pub struct VerifySeed;

impl VerifySeed {
    /// Needs nothing of its own.
    pub fn new(_: &Platform) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl Work for VerifySeed {
    const STEP: Step = Step::VerifySeed;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let found = run.tenant_database().await?.seed_counts().await?;
        match differences(found, store::manifest()) {
            None => Ok(Outcome::Done),
            Some(hint) => Err(StepError::rejected("seed_mismatch", Owner::Platform, &hint)),
        }
    }
}

/// What is there and what should be, where they differ.
fn differences(found: SeedCounts, shipped: SeedCounts) -> Option<String> {
    let counts = [
        ("roles", found.roles, shipped.roles),
        ("permissions", found.permissions, shipped.permissions),
        ("SoD rules", found.sod_rules, shipped.sod_rules),
        ("workflow templates", found.workflow_templates, shipped.workflow_templates),
    ];
    let wrong: Vec<String> = counts
        .iter()
        .filter(|(_, found, shipped)| found != shipped)
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
        assert_eq!(differences(shipped, shipped), None);
        let found = SeedCounts { roles: shipped.roles - 1, ..shipped };
        let hint = differences(found, shipped).expect("they differ");
        assert!(hint.contains(&format!("{} of {} roles", found.roles, shipped.roles)));
        assert!(!hint.contains("templates"));
    }
}
