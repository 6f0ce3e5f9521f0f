//! Records that a purge gave up, at which step and why. It never changes a purge that is done, or a newer try.

use domain::{Caught, CauseCode, FailureKind, Run};
use lambda_kit::operation::Operation;
use lambda_kit::{needs, telemetry};
use serde::{Deserialize, Serialize};
use step_kit::StepError;
use store::{ControlDatabase, PurgeFailOutcome};
use tracing::Span;

/// The state's input.
#[derive(Debug, Deserialize)]
pub struct Task {
    #[serde(flatten)]
    run: Run,
    error: Caught,
}

/// The state's output.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether this try of the purge has failed by that.
    recorded: bool,
}

needs! {
    /// The recorder of failed purges.
    pub struct RecordPurgeFailure {
        store: ControlDatabase,
    }
}

impl Operation for RecordPurgeFailure {
    const NAME: &'static str = "record-purge-failure";
    type Event = Task;
    type Answer = Report;
    type Error = StepError;

    /// Fails with `Step.Busy` while an invocation of a step holds the tenant's lease.
    async fn invoke(&self, task: Task, request_id: &str) -> Result<Report, StepError> {
        let Task { run, error } = task;
        telemetry::name_run(&Span::current(), &run);
        let cause = error.cause();
        match self.store.fail_purge(run.tenant_id, run.attempt, &cause, true, request_id).await? {
            PurgeFailOutcome::Failed(step) => {
                let step = step.function();
                tracing::warn!(step, error = error.error, code = cause.code, hint = cause.hint, "a purge gave up");
                Ok(Report { recorded: true })
            }
            PurgeFailOutcome::Over => {
                tracing::info!(error = error.error, code = cause.code, "the purge was over already");
                Ok(Report { recorded: false })
            }
            PurgeFailOutcome::Busy => Err(CauseCode::LeaseHeld.into()),
        }
    }

    /// While a step holds the lease, the state machine asks again.
    fn failed(StepError(failure): &StepError) {
        match failure.kind() {
            FailureKind::Busy => tracing::info!(code = failure.code().as_str(), "a step is still at work"),
            FailureKind::RateLimited
            | FailureKind::Transient
            | FailureKind::Rejected
            | FailureKind::Internal
            | FailureKind::Superseded => {
                lambda_kit::trouble!(failure, hint = failure.hint(), "a failure could not be recorded");
            }
        }
    }
}
