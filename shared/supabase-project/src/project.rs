//! The project, and what its state says about a failure.

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind, Owner, System};
use lambda_kit::{needs, settings};
use store::{Lease, ResourceKind};
use supabase::{ProjectRef, ProjectStatus};

use crate::account::SupabaseAccount;
use crate::secret::TenantSecrets;

settings! {
    /// The address of a project's own API.
    pub struct ProjectUrl {
        /// Template with `{ref}`.
        pub template: String = "SUPABASE_PROJECT_URL_TEMPLATE" or "https://{ref}.supabase.co",
    }
}

needs! {
    /// The project of the lease's tenant.
    pub struct SupabaseProject {
        pub(crate) account: SupabaseAccount,
        pub(crate) secrets: TenantSecrets,
    }
}

/// How long after its creation a project may lack what is about to come: `ACTIVE_HEALTHY` comes before its name is in DNS
/// and before its gateway and its pooler know it.
const YOUNG_FOR: Duration = Duration::from_mins(15);

/// The state of the project, as far as steps 3 to 5 act differently on it.
enum Condition {
    /// The project as a whole is healthy.
    Healthy,
    /// It is being restarted, resized or restored, or is unhealthy. It recovers without help.
    Recovering,
    /// It does not recover without help.
    Gone,
}

impl SupabaseProject {
    /// The reason for a failure: that the project is gone or not ready, if that is the case. Otherwise it is the
    /// failure itself, which a run waits for if the project is young.
    pub async fn explain(&self, lease: &Lease<'_>, failure: Failure) -> Failure {
        if !may_come_from_the_project(&failure) {
            return failure;
        }
        match self.condition(lease).await {
            Ok(Condition::Gone) => CauseCode::EnvironmentGone.into(),
            Ok(Condition::Recovering) => CauseCode::EnvironmentNotReady.into(),
            Ok(Condition::Healthy) if may_be_missing_yet(&failure) && is_young(lease).await => {
                failure.of_kind(FailureKind::Busy)
            }
            // If the project's state cannot be read, only the failure is known.
            Ok(Condition::Healthy) | Err(_) => failure,
        }
    }

    async fn condition(&self, lease: &Lease<'_>) -> Result<Condition, Failure> {
        let project = self.account.management().await?.project(&project_ref(lease)?).await?;
        Ok(match project.map(|project| project.status) {
            Some(ProjectStatus::ActiveHealthy) => Condition::Healthy,
            Some(status) if !status.is_terminal() => Condition::Recovering,
            Some(_) | None => Condition::Gone,
        })
    }
}

/// The project that step 1 created.
pub fn project_ref(lease: &Lease<'_>) -> Result<ProjectRef, Failure> {
    let stored = lease.tenant().supabase_project_ref.clone();
    stored.and_then(|stored| ProjectRef::try_from(stored).ok()).ok_or_else(|| CauseCode::ProjectUnknown.into())
}

/// Whether a project that is healthy, but young, may lack what failed. Step 2 waits for it, and steps 3 to 5 are tried
/// again as busy ones.
#[must_use]
pub fn may_be_missing_yet(failure: &Failure) -> bool {
    matches!(
        failure.code(),
        CauseCode::SupabaseNotFound
            | CauseCode::SupabaseServerError
            | CauseCode::SupabaseKeysMissing
            | CauseCode::SupabasePoolerMissing
            | CauseCode::SupabaseAuthUnreachable
            | CauseCode::SupabaseAuthServerError
            | CauseCode::SupabaseAuthUnexpectedAnswer
            | CauseCode::TenantDatabaseUnavailable
    )
}

async fn is_young(lease: &Lease<'_>) -> bool {
    let project = lease.resource(ResourceKind::SupabaseProject).await;
    project.is_ok_and(|project| project.is_some_and(|project| project.age < YOUNG_FOR))
}

/// Whether the project's state could be the reason. It is not if an address or a quota was refused, nor if a server is
/// not trusted: the certificates are those of the poolers and of the whole platform.
fn may_come_from_the_project(failure: &Failure) -> bool {
    !matches!(
        failure.code(),
        CauseCode::SupabaseUntrusted | CauseCode::SupabaseAuthUntrusted | CauseCode::TenantDatabaseUntrusted
    ) && matches!(failure.code().system(), System::Supabase | System::SupabaseAuth | System::TenantDatabase)
        && matches!(failure.code().owner(), Owner::Provider | Owner::Platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_that_the_project_may_have_caused_are_explained() {
        for (code, explained) in [
            (CauseCode::SupabaseNotFound, true),
            (CauseCode::SupabaseAuthServerError, true),
            (CauseCode::TenantDatabaseUnavailable, true),
            (CauseCode::TenantDatabaseUntrusted, false),
            (CauseCode::SupabaseAuthInvalidEmail, false),
            (CauseCode::SupabaseAuthMailLimit, false),
            (CauseCode::ControlDatabaseUnavailable, false),
            (CauseCode::EnvironmentGone, false),
            (CauseCode::InvitationPending, false),
        ] {
            assert_eq!(may_come_from_the_project(&code.into()), explained, "{code:?}");
        }
    }
}
