//! Records that a run failed, at which step and why. It never changes an active tenant or a newer attempt.

use domain::{Caught, CauseCode, TenantId};
use lambda_kit::needs;
use lambda_kit::operation::Operation;
use serde::{Deserialize, Serialize};
use step_kit::StepError;
use store::{ControlDatabase, FailOutcome};
use tracing::Span;

/// The state's input.
#[derive(Debug, Deserialize)]
pub struct Task {
    tenant_id: TenantId,
    attempt: i32,
    error: Caught,
}

/// The state's output.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether this run made the tenant fail.
    recorded: bool,
}

needs! {
    /// The recorder of failed runs.
    pub struct RecordFailure {
        store: ControlDatabase,
    }
}

impl Operation for RecordFailure {
    const NAME: &'static str = "record-failure";
    type Event = Task;
    type Answer = Report;
    type Error = StepError;

    /// Fails with `Step.Busy` while an invocation of a step holds the tenant's lease.
    async fn invoke(&self, task: Task, request_id: &str) -> Result<Report, StepError> {
        Span::current().record("tenant_id", tracing::field::display(task.tenant_id)).record("attempt", task.attempt);
        let cause = task.error.cause();
        let outcome = self.store.fail_run(task.tenant_id, task.attempt, &cause, true, request_id).await?;
        tracing::warn!(?outcome, error = task.error.error, code = cause.code, "a run failed");
        match outcome {
            FailOutcome::Failed(_) => Ok(Report { recorded: true }),
            FailOutcome::Over => Ok(Report { recorded: false }),
            FailOutcome::Busy => Err(CauseCode::LeaseHeld.into()),
        }
    }
}
