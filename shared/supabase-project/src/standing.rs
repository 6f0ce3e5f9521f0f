//! What the environment's own state says about a failure.

use domain::{FailureKind, Owner};
use step_kit::{Run, StepError};
use supabase::{ProjectRef, ProjectStatus};

use crate::Environment;

/// How the project is, as far as steps 3 to 5 act differently on it.
enum Standing {
    /// Nothing is wrong with the project as a whole.
    Well,
    /// It is being restarted, resized, restored, or is unwell: it comes back by itself.
    Unready,
    /// It does not come back by itself.
    Gone,
}

impl Environment {
    /// The reason behind an error that something of the environment caused: that the project is gone or not ready, where
    /// it is; else the error itself.
    pub async fn explain(&self, run: &Run<'_>, error: StepError) -> StepError {
        if !concerns_environment(&error) {
            return error;
        }
        match self.standing(run).await {
            Ok(Standing::Gone) => gone(),
            Ok(Standing::Unready) => not_ready(),
            // Where the project's state cannot be had, the error is all there is to know.
            Ok(Standing::Well) | Err(_) => error,
        }
    }

    async fn standing(&self, run: &Run<'_>) -> Result<Standing, StepError> {
        let project = self.management(run).await?.project(&project(run)?).await?;
        Ok(match project.map(|project| project.status) {
            Some(ProjectStatus::ActiveHealthy) => Standing::Well,
            Some(status) if !status.is_terminal() => Standing::Unready,
            Some(_) | None => Standing::Gone,
        })
    }
}

/// The project that step 1 made.
pub fn project(run: &Run<'_>) -> Result<ProjectRef, StepError> {
    let stored = run.tenant().supabase_project_ref.clone();
    stored.and_then(|stored| ProjectRef::try_from(stored).ok()).ok_or_else(|| {
        StepError::new(
            FailureKind::Internal,
            "project_unknown",
            Owner::Platform,
            "Step 1 is completed, but the tenant's row holds no project reference; look into control.resources.",
        )
    })
}

/// The environment is gone, and data may have been written to it: a person has to decide.
#[must_use]
pub fn gone() -> StepError {
    StepError::rejected(
        "environment_gone",
        Owner::Platform,
        "The tenant's environment was paused, removed or broke after it was built; restore it in Supabase, then POST again, or DELETE the tenant.",
    )
}

fn not_ready() -> StepError {
    StepError::busy(
        "environment_not_ready",
        Owner::Provider,
        "The environment is being changed or is unwell at Supabase; the step goes on once it is healthy. If the run has ended by then, POST again.",
    )
}

/// Refusals that are about the caller's address or a quota say all there is to say.
fn concerns_environment(error: &StepError) -> bool {
    let cause = error.cause();
    let its_owner = matches!(cause.owner, Owner::Provider | Owner::Platform);
    its_owner && ["supabase_", "tenant_database_"].iter().any(|prefix| cause.code.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_project_itself_may_have_caused_is_looked_into() {
        let error = |code: &str, owner| StepError::rejected(code, owner, "");
        assert!(concerns_environment(&error("supabase_not_found", Owner::Platform)));
        assert!(concerns_environment(&error("supabase_auth_server_error", Owner::Provider)));
        assert!(concerns_environment(&error("tenant_database_unavailable", Owner::Provider)));
        assert!(!concerns_environment(&error("supabase_auth_invalid_email", Owner::Caller)));
        assert!(!concerns_environment(&error("supabase_auth_mail_limit", Owner::Quota)));
        assert!(!concerns_environment(&error("control_database_unavailable", Owner::Platform)));
        assert!(!concerns_environment(&gone()));
    }
}
