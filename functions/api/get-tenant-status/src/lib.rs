//! `GET /v1/admin/tenants/{slug}/status`: how far a run is, and what holds it up.

use std::sync::Arc;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request, timestamp};
use domain::{Cause, ProvisioningState, Slug, Step, TenantId};
use serde::Serialize;
use store::{StepRow, Store, Tenant};

/// The route.
pub struct GetTenantStatus {
    store: Arc<Store>,
}

impl GetTenantStatus {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store.clone() }
    }
}

impl Handler for GetTenantStatus {
    const ROUTE: Route = routes::GET_TENANT_STATUS;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let status = self.store.tenant_status(&request.slug()?).await?;
        let (tenant, steps) = status.ok_or_else(Problem::tenant_not_found)?;
        let answer = Answer::ok(&Status::new(&tenant, &steps));
        Ok(match poll_after(&tenant, &steps) {
            Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
            None => answer,
        })
    }
}

/// Seconds until there may be news: the environment's wait is polled every 15, everything else is quicker.
fn poll_after(tenant: &Tenant, steps: &[StepRow]) -> Option<u32> {
    let waits = steps.iter().any(|row| row.step == Step::AwaitEnvironment && row.state == "waiting");
    (tenant.state == ProvisioningState::Provisioning).then_some(if waits { 15 } else { 5 })
}

#[derive(Serialize)]
struct Status<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    provisioning_state: ProvisioningState,
    completed_steps: Vec<Step>,
    failed_steps: Vec<Step>,
    last_error: Option<&'a str>,
    updated_at: String,
    attempt: i32,
    steps: Vec<StepStatus<'a>>,
}

#[derive(Serialize)]
struct StepStatus<'a> {
    id: Step,
    name: &'static str,
    state: &'a str,
    attempts: i32,
    started_at: Option<String>,
    finished_at: Option<String>,
    duration_ms: Option<i128>,
    waiting_for: Option<&'a str>,
    next_retry_at: Option<String>,
    cause: Option<&'a Cause>,
}

impl<'a> Status<'a> {
    fn new(tenant: &'a Tenant, steps: &'a [StepRow]) -> Self {
        let in_state = |state| steps.iter().filter(|row| row.state == state).map(|row| row.step).collect();
        Self {
            tenant_id: tenant.tenant_id,
            slug: &tenant.slug,
            provisioning_state: tenant.state,
            completed_steps: in_state("completed"),
            failed_steps: in_state("failed"),
            last_error: tenant.error_message.as_deref(),
            updated_at: timestamp(tenant.updated_at),
            attempt: tenant.attempt,
            steps: steps.iter().map(StepStatus::from).collect(),
        }
    }
}

impl<'a> From<&'a StepRow> for StepStatus<'a> {
    fn from(row: &'a StepRow) -> Self {
        let duration = row.started_at.zip(row.finished_at).map(|(from, to)| to.duration_since(from).as_millis());
        Self {
            id: row.step,
            name: row.step.name(),
            state: &row.state,
            attempts: row.attempts,
            started_at: row.started_at.map(timestamp),
            finished_at: row.finished_at.map(timestamp),
            duration_ms: duration,
            waiting_for: row.waiting_for.as_deref(),
            next_retry_at: row.next_retry_at.map(timestamp),
            cause: row.cause.as_ref(),
        }
    }
}
