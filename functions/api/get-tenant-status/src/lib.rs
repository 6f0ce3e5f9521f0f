//! `GET /v1/admin/tenants/{slug}/status`: how far a run is, and what holds it up.

use api_kit::records::PurgeSummary;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, Request, SlugInPath};
use domain::{Cause, ProvisioningState, Slug, Step, StepState, TenantId};
use lambda_kit::needs;
use serde::Serialize;
use store::{ControlReader, StepRow, Tenant};
use utoipa::ToSchema;

needs! {
    /// Answers with the status of a tenant's run.
    pub struct GetTenantStatus {
        store: ControlReader,
    }
}

impl Handler for GetTenantStatus {
    const ROUTE: Route = routes::GET_TENANT_STATUS;
    type Input = SlugInPath;

    async fn handle(&self, _: &Request, SlugInPath(slug): SlugInPath, _: Budget) -> Result<Answer, Problem> {
        let status = self.store.tenant_status(&slug).await?;
        let (tenant, steps) = status.ok_or_else(Problem::tenant_not_found)?;
        let purge = PurgeSummary::of(&self.store, &tenant).await?;
        let answer = Answer::ok(&Status::new(&tenant, &steps, purge));
        Ok(match poll_after(&tenant, &steps) {
            Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
            None => answer,
        })
    }
}

/// Seconds until there may be something new. Step 2 looks every 15 seconds; everything else is quicker.
fn poll_after(tenant: &Tenant, steps: &[StepRow]) -> Option<u32> {
    let waits = steps.iter().any(|row| row.step == Step::AwaitEnvironment && row.state == StepState::Waiting);
    (tenant.state == ProvisioningState::Provisioning).then_some(if waits { 15 } else { 5 })
}

/// How far a tenant's run is.
#[derive(Serialize, ToSchema)]
pub struct Status<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    provisioning_state: ProvisioningState,
    completed_steps: Vec<Step>,
    failed_steps: Vec<Step>,
    /// Why the run failed. Null unless it did; a resume clears it.
    last_error: Option<&'a str>,
    updated_at: Moment,
    /// Which run of the pipeline this is, from 1.
    attempt: i32,
    /// The custom domain that a restore could not give back, because another tenant has it now. Null again once a PATCH says
    /// which domain the tenant has.
    lost_domain: Option<&'a str>,
    /// How far the purge of the deprovisioned tenant is. Null: nobody asked for one, or it was withdrawn by a restore.
    purge: Option<PurgeSummary>,
    /// The nine steps in order.
    steps: Vec<StepStatus<'a>>,
}

/// One step of the run.
#[derive(Serialize, ToSchema)]
pub struct StepStatus<'a> {
    id: Step,
    /// What the step does, e.g. `create-graph`.
    name: &'static str,
    /// `pending`, `running`, `waiting`, `completed` or `failed`.
    #[schema(value_type = &str)]
    state: StepState,
    /// Invocations that did something; polls of a wait are not among them.
    attempts: i32,
    started_at: Option<Moment>,
    finished_at: Option<Moment>,
    duration_ms: Option<i64>,
    /// What the step waits for.
    waiting_for: Option<&'a str>,
    next_retry_at: Option<Moment>,
    /// The trouble the step met last, also while it is being retried.
    cause: Option<&'a Cause>,
}

impl<'a> Status<'a> {
    fn new(tenant: &'a Tenant, steps: &'a [StepRow], purge: Option<PurgeSummary>) -> Self {
        let in_state = |state| steps.iter().filter(|row| row.state == state).map(|row| row.step).collect();
        Self {
            tenant_id: tenant.tenant_id,
            slug: &tenant.slug,
            provisioning_state: tenant.state,
            completed_steps: in_state(StepState::Completed),
            failed_steps: in_state(StepState::Failed),
            last_error: tenant.error_message.as_deref(),
            updated_at: Moment(tenant.updated_at),
            attempt: tenant.attempt,
            lost_domain: tenant.lost_domain.as_deref(),
            purge,
            steps: steps.iter().map(StepStatus::from).collect(),
        }
    }
}

impl<'a> From<&'a StepRow> for StepStatus<'a> {
    fn from(row: &'a StepRow) -> Self {
        let duration = row
            .started_at
            .zip(row.finished_at)
            .map(|(from, to)| to.duration_since(from).as_millis())
            .and_then(|ms| i64::try_from(ms).ok());
        Self {
            id: row.step,
            name: row.step.name(),
            state: row.state,
            attempts: row.attempts,
            started_at: row.started_at.map(Moment),
            finished_at: row.finished_at.map(Moment),
            duration_ms: duration,
            waiting_for: row.waiting_for.as_deref(),
            next_retry_at: row.next_retry_at.map(Moment),
            cause: row.cause.as_ref(),
        }
    }
}
