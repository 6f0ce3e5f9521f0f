//! The project, and what its state says about a failure.

use domain::{CauseCode, Failure, Owner, System};
use lambda_kit::{needs, settings};
use store::Lease;
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
    /// failure itself.
    pub async fn explain(&self, lease: &Lease<'_>, failure: Failure) -> Failure {
        if !may_come_from_the_project(&failure) {
            return failure;
        }
        match self.condition(lease).await {
            Ok(Condition::Gone) => CauseCode::EnvironmentGone.into(),
            Ok(Condition::Recovering) => CauseCode::EnvironmentNotReady.into(),
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
