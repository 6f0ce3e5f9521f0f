//! Step 2: waits until the tenant's project is healthy, then fetches its keys and its pooler. If a DELETE revoked the keys of a
//! tenant that is brought back, it makes new ones first.

use std::borrow::Cow;
use std::time::Duration;

use domain::{CauseCode, Failure, Step};
use lambda_kit::needs;
use step_kit::{Lease, Outcome, Work};
use store::ResourceKind;
use supabase::{Access, Error, MANAGEMENT_TIMEOUT, Management, ProjectRef, ProjectStatus};
use supabase_project::{ProjectAccess, SupabaseAccount, may_be_missing_yet, project_ref};

/// How long a project may take to be visible everywhere after its creation was answered.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);
/// How long a project may take to come up.
const WAITS_FOR: Duration = Duration::from_mins(30);

needs! {
    /// Waits for the tenant's project.
    pub struct AwaitEnvironment {
        account: SupabaseAccount,
        access: ProjectAccess,
    }
}

impl Work for AwaitEnvironment {
    type Step = Step;
    const STEP: Step = Step::AwaitEnvironment;
    const POLL: Duration = Duration::from_secs(15);

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let management = self.account.management().await?;
        // An earlier invocation of this step deleted the project, but its answer was lost.
        if lease.tenant().supabase_project_ref.is_none() {
            return Err(CauseCode::EnvironmentFailed.into());
        }
        let project = project_ref(lease)?;
        match management.project(&project).await?.map(|project| project.status) {
            None if is_young(lease).await? => return wait_for(lease, "project"),
            None => return Err(discard(lease, &management, &project).await?.into()),
            Some(status) if status.is_terminal() => return Err(discard(lease, &management, &project).await?.into()),
            Some(ProjectStatus::ActiveHealthy) => {}
            Some(_) => return wait_for(lease, "project"),
        }
        let Some(health) = there(management.health(&project).await)? else { return wait_for(lease, "health") };
        let unwell: Vec<&str> = health.iter().filter(|h| !h.is_healthy()).map(|h| h.service.as_str()).collect();
        if !unwell.is_empty() {
            return wait_for(lease, unwell.join(", "));
        }
        self.access.renew_revoked(lease, &management, &project).await?;
        let Some(keys) = there(management.api_keys(&project).await)? else { return wait_for(lease, "api_keys") };
        let Some(pooler) = there(management.session_pooler(&project).await)? else { return wait_for(lease, "pooler") };
        self.access.keep(lease, Access { keys, pooler }).await?;
        Ok(Outcome::DONE)
    }
}

/// What Supabase says about the project; `None` if a young project may still lack it.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, Failure> {
    match answer.map_err(Failure::from) {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if may_be_missing_yet(&failure) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The project will never be healthy. Before step 3 has begun there is nothing in it, so it is deleted, and the next POST
/// starts at step 1. After that it may hold the tenant's data, and a person has to decide.
async fn discard(lease: &Lease<'_>, management: &Management, project: &ProjectRef) -> Result<CauseCode, Failure> {
    if lease.step_ever_begun(Step::MigrateTenant).await? {
        return Ok(CauseCode::EnvironmentGone);
    }
    lease.fence(MANAGEMENT_TIMEOUT).await?;
    management.delete_project(project).await?;
    lease.environment_dead().await?;
    Ok(CauseCode::EnvironmentFailed)
}

/// Whether the project was created so recently that it may not be visible everywhere yet.
async fn is_young(lease: &Lease<'_>) -> Result<bool, Failure> {
    let project = lease.resource(ResourceKind::SupabaseProject).await?;
    Ok(project.is_some_and(|project| project.age < VISIBLE_WITHIN))
}

/// Waits, but not forever.
fn wait_for(lease: &Lease<'_>, what: impl Into<Cow<'static, str>>) -> Result<Outcome, Failure> {
    if lease.begun_for() > WAITS_FOR { Err(CauseCode::EnvironmentTimeout.into()) } else { Ok(Outcome::waiting(what)) }
}
