//! The last task of a run that failed: it records at which step and why. A run that is done, or a newer attempt, is never changed.

use domain::{Caught, CauseCode, FailureKind, Run};
use lambda_kit::telemetry;
use serde::{Deserialize, Serialize};
use store::{FailOutcome, Machine, Store};
use tracing::Span;

use crate::error::StepError;

/// The task's input.
#[derive(Debug, Deserialize)]
pub struct FailedRun {
    #[serde(flatten)]
    run: Run,
    error: Caught,
}

/// The task's output.
#[derive(Debug, Serialize)]
pub struct Recorded {
    /// Whether the run has failed by that.
    recorded: bool,
}

impl FailedRun {
    /// Records it. Fails with `Step.Busy` while an invocation of a step holds the tenant's lease.
    pub async fn record(self, store: &Store, machine: Machine, request_id: &str) -> Result<Recorded, StepError> {
        let Self { run, error } = self;
        telemetry::name_run(&Span::current(), &run);
        let cause = error.cause();
        match store.fail_run(machine, run.tenant_id, run.attempt, &cause, true, request_id).await? {
            FailOutcome::Failed(step) => {
                tracing::warn!(step, error = error.error, code = cause.code, hint = cause.hint, "a run failed");
                Ok(Recorded { recorded: true })
            }
            FailOutcome::Over => {
                tracing::info!(error = error.error, code = cause.code, "the run was over already");
                Ok(Recorded { recorded: false })
            }
            FailOutcome::Busy => Err(CauseCode::LeaseHeld.into()),
        }
    }
}

/// Logs why a failed run was not recorded. While a step holds the lease, the state machine asks again.
pub fn not_recorded(StepError(failure): &StepError) {
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
