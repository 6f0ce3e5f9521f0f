//! Step 2: wait until the environment is healthy, then fetch what opens it.

use domain::{Failure, Owner, Step};
use secrets::{Name, PoolerAddress, Secrets, TenantSecret};
use std::time::Duration;
use step_kit::{Outcome, Platform, Run, StepError, Work, setting};
use supabase::{Error, MANAGEMENT_TIMEOUT, Management, ProjectRef, ProjectStatus};

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
            Err(Error::KeysMissing) => return Ok(waiting("api_keys")),
            keys => keys?,
        };
        let pooler = match management.session_pooler(project).await {
            Err(Error::PoolerMissing) => return Ok(waiting("pooler")),
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
        let project_ref = ProjectRef::try_from(run.project_ref()?.to_owned()).map_err(|_| gone())?;
        match management.project(&project_ref).await?.map(|project| project.status) {
            None => return Err(bury(run, &management, &project_ref).await?),
            Some(status) if status.is_terminal() => return Err(bury(run, &management, &project_ref).await?),
            Some(ProjectStatus::ActiveHealthy) => {}
            Some(_) if run.overdue() => return Err(overdue()),
            Some(_) => return Ok(waiting("project")),
        }
        let health = management.health(&project_ref).await?;
        let unwell: Vec<&str> = health.iter().filter(|h| !h.is_healthy()).map(|h| h.service.as_str()).collect();
        match unwell.as_slice() {
            [] => self.keep(run, &management, &project_ref).await,
            _ if run.overdue() => Err(overdue()),
            unwell => Ok(Outcome::Waiting { waiting_for: unwell.join(", ").into() }),
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
    Ok(StepError::rejected(
        "environment_failed",
        Owner::Provider,
        "Supabase could not bring the environment up and it was deleted; POST the tenant again to build a new one.",
    ))
}

fn waiting(what: &'static str) -> Outcome {
    Outcome::Waiting { waiting_for: what.into() }
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
