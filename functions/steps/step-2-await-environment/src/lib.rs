//! Step 2: wait until the environment is healthy, then fetch what opens it.

use std::borrow::Cow;
use std::time::Duration;

use domain::{Failure, Owner, Step};
use secrets::{Name, PoolerAddress, Secrets, TenantSecret};
use step_kit::{Outcome, Platform, Run, StepError, Work, setting};
use store::ResourceKind;
use supabase::{Error, MANAGEMENT_TIMEOUT, Management, ProjectRef, ProjectStatus};

/// How long a project may take to be visible everywhere once its creation was answered.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);

/// The step.
pub struct AwaitEnvironment {
    secrets: Secrets,
    api_url: String,
}

impl AwaitEnvironment {
    /// Built from `SUPABASE_API_URL`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { secrets: platform.secrets.clone(), api_url: setting("SUPABASE_API_URL", "https://api.supabase.com") })
    }

    /// Puts keys and pooler into the tenant's secret, if it does not hold them already.
    async fn keep(&self, run: &Run<'_>, management: &Management, project: &ProjectRef) -> Result<Outcome, StepError> {
        let keys = match management.api_keys(project).await {
            Err(Error::KeysMissing) => return wait_for(run, "api_keys"),
            keys => keys?,
        };
        let pooler = match management.session_pooler(project).await {
            Err(Error::PoolerMissing) => return wait_for(run, "pooler"),
            pooler => pooler?,
        };
        let known = run.tenant_secret().await?;
        let complete = TenantSecret {
            publishable_key: Some(keys.publishable),
            secret_key: Some(keys.secret),
            pooler: Some(PoolerAddress {
                host: pooler.host,
                port: pooler.port,
                user: pooler.user,
                dbname: pooler.dbname,
            }),
            ..known.clone()
        };
        if complete != known {
            run.fence(Duration::from_secs(5)).await?;
            self.secrets.put(Name::Tenant(run.tenant().tenant_id), &complete).await?;
        }
        Ok(Outcome::Done)
    }
}

impl Work for AwaitEnvironment {
    const STEP: Step = Step::AwaitEnvironment;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let account = run.supabase_secret().await?;
        let management = Management::new(&self.api_url, account.access_token, &account.organization_slug)?;
        // Nothing there: an earlier try of this step buried it and could not say so.
        let Some(project_ref) = run.tenant().supabase_project_ref.clone() else { return Err(buried()) };
        let project_ref = ProjectRef::try_from(project_ref).map_err(|_| gone())?;
        match management.project(&project_ref).await?.map(|project| project.status) {
            None if is_young(run).await? => return wait_for(run, "project"),
            None => return Err(bury(run, &management, &project_ref).await?),
            Some(status) if status.is_terminal() => return Err(bury(run, &management, &project_ref).await?),
            Some(ProjectStatus::ActiveHealthy) => {}
            Some(_) => return wait_for(run, "project"),
        }
        let health = management.health(&project_ref).await?;
        let unwell: Vec<&str> = health.iter().filter(|h| !h.is_healthy()).map(|h| h.service.as_str()).collect();
        match unwell.as_slice() {
            [] => self.keep(run, &management, &project_ref).await,
            unwell => wait_for(run, unwell.join(", ")),
        }
    }
}

/// The environment will never be healthy. As long as nothing was built in it, it is deleted and step 1 starts over with
/// the next POST; afterwards it holds a tenant's data, and a person has to decide.
async fn bury(run: &Run<'_>, management: &Management, project: &ProjectRef) -> Result<StepError, StepError> {
    if run.ever_begun(Step::MigrateTenant).await? {
        return Ok(gone());
    }
    run.fence(MANAGEMENT_TIMEOUT).await?;
    management.delete_project(project).await?;
    run.environment_dead().await?;
    Ok(buried())
}

/// A project that was created just now need not be visible everywhere yet.
async fn is_young(run: &Run<'_>) -> Result<bool, StepError> {
    let project = run.resource(ResourceKind::SupabaseProject).await?;
    Ok(project.is_some_and(|project| project.age < VISIBLE_WITHIN))
}

/// Waits, but not for ever.
fn wait_for(run: &Run<'_>, what: impl Into<Cow<'static, str>>) -> Result<Outcome, StepError> {
    if run.overdue() { Err(overdue()) } else { Ok(Outcome::Waiting { waiting_for: what.into() }) }
}

fn buried() -> StepError {
    StepError::rejected(
        "environment_failed",
        Owner::Provider,
        "Supabase could not bring the environment up and it was deleted; POST the tenant again to build a new one.",
    )
}

fn gone() -> StepError {
    StepError::rejected(
        "environment_gone",
        Owner::Platform,
        "The tenant's environment was removed or broke after data was written to it; restore it in Supabase, then POST again.",
    )
}

fn overdue() -> StepError {
    StepError::rejected(
        "environment_timeout",
        Owner::Provider,
        "The environment did not become healthy within 30 minutes; look at Supabase's status page, then POST again to keep waiting.",
    )
}
