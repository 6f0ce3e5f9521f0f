//! Step 2: wait until the environment is healthy, then fetch what opens it.

use std::borrow::Cow;
use std::time::Duration;

use domain::{Failure, Owner, Step};
use environment::{Environment, gone};
use step_kit::{Outcome, Platform, Run, StepError, Work};
use store::ResourceKind;
use supabase::{Error, MANAGEMENT_TIMEOUT, Management, ProjectRef, ProjectStatus};

/// How long a project may take to be visible everywhere once its creation was answered.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);
/// How long an environment may take to come up.
const WAITS_FOR: Duration = Duration::from_mins(30);

/// The step.
pub struct AwaitEnvironment {
    environment: Environment,
}

impl AwaitEnvironment {
    /// Built from `SUPABASE_API_URL`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { environment: Environment::new(platform) })
    }

    async fn fetch(&self, run: &Run<'_>, management: &Management, project: &ProjectRef) -> Result<Outcome, StepError> {
        let access = match management.access(project).await {
            Err(Error::KeysMissing) => return wait_for(run, "api_keys"),
            Err(Error::PoolerMissing) => return wait_for(run, "pooler"),
            access => access?,
        };
        self.environment.keep(run, access).await?;
        Ok(Outcome::Done)
    }
}

impl Work for AwaitEnvironment {
    const STEP: Step = Step::AwaitEnvironment;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let management = self.environment.management(run).await?;
        // Nothing there: an earlier try of this step buried it and could not say so.
        if run.tenant().supabase_project_ref.is_none() {
            return Err(buried());
        }
        let project_ref = environment::project(run)?;
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
            [] => self.fetch(run, &management, &project_ref).await,
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
    if run.begun_for() > WAITS_FOR { Err(overdue()) } else { Ok(Outcome::Waiting { waiting_for: what.into() }) }
}

fn buried() -> StepError {
    StepError::rejected(
        "environment_failed",
        Owner::Provider,
        "Supabase could not bring the environment up and it was deleted; POST the tenant again to build a new one.",
    )
}

fn overdue() -> StepError {
    StepError::rejected(
        "environment_timeout",
        Owner::Provider,
        "The environment did not become healthy within 30 minutes; look at Supabase's status page, then POST again to keep waiting.",
    )
}
