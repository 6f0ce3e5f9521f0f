//! Writes down that a run failed, where and why. Never over an active tenant or a newer attempt.

use domain::{Cause, Failure, FailureKind, Owner, TenantId};
use secrets::{Name, SdkConfig, Secrets};
use serde::{Deserialize, Serialize};
use step_kit::StepError;
use store::{FailOutcome, Store};
use tracing::Instrument;

/// The state's input.
#[derive(Debug, Deserialize)]
pub struct Task {
    tenant_id: TenantId,
    attempt: i32,
    error: Caught,
}

/// What Step Functions caught.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Caught {
    error: String,
    #[serde(default)]
    cause: String,
}

/// The state's output.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether the tenant is failed now because of this run.
    recorded: bool,
}

/// The recorder.
pub struct RecordFailure {
    store: Store,
}

impl RecordFailure {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { store: Store::new(Secrets::new(sdk).source(Name::Control("database"))) }
    }

    /// Records a failure; busy while a copy of a step still holds the tenant's lease.
    pub async fn record(&self, task: Task, request_id: &str) -> Result<Report, StepError> {
        let span = telemetry::request_span("record-failure", request_id);
        span.record("tenant_id", tracing::field::display(task.tenant_id)).record("attempt", task.attempt);
        async {
            let cause = cause(&task.error);
            let outcome = self.store.fail_run(task.tenant_id, task.attempt, &cause, true, request_id).await?;
            tracing::warn!(?outcome, error = task.error.error, code = cause.code, "a run failed");
            match outcome {
                FailOutcome::Failed(_) => Ok(Report { recorded: true }),
                FailOutcome::Over => Ok(Report { recorded: false }),
                FailOutcome::Busy => Err(StepError::busy(
                    "lease_held",
                    Owner::Platform,
                    "A copy of a step still holds the tenant's lease; it lapses by itself.",
                )),
            }
        }
        .instrument(span)
        .await
    }
}

/// A Lambda error as Step Functions passes it on: JSON in a string, our own cause being JSON in a string once more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaError {
    error_message: String,
}

fn cause(caught: &Caught) -> Cause {
    let ours = serde_json::from_str::<LambdaError>(&caught.cause)
        .ok()
        .and_then(|error| serde_json::from_str::<Cause>(&error.error_message).ok())
        .filter(|_| caught.error.starts_with("Step."));
    ours.unwrap_or_else(|| foreign(&caught.error))
}

/// What a step could not say itself, because its process died or never ran.
fn foreign(error: &str) -> Cause {
    let (code, hint) = match error {
        "States.Timeout" | "Sandbox.Timedout" | "Lambda.Unknown" => (
            "step_timeout",
            "The step did not come to its end in time, several times in a row; look into its log, then POST again.",
        ),
        "Runtime.ExitError" | "Runtime.Unknown" | "Runtime.InvalidEntrypoint" => (
            "step_crashed",
            "The step's process ended by itself, several times in a row; look into its log, then POST again.",
        ),
        _ if error.starts_with("Lambda.") || error.starts_with("States.") => {
            ("step_not_run", "The step could not be invoked; look into the execution's history, then POST again.")
        }
        _ => ("step_broken", "The step failed in a way it does not know; look into its log, then POST again."),
    };
    Failure::new(FailureKind::Transient, code, Owner::Platform, hint).cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steps_own_cause_is_parsed_twice() {
        let ours = Failure::new(FailureKind::Rejected, "stripe_rejected", Owner::Platform, "hint").cause;
        let message = serde_json::to_string(&ours).expect("json");
        let cause_text = serde_json::json!({"errorType": "Step.Rejected", "errorMessage": message}).to_string();
        assert_eq!(cause(&Caught { error: "Step.Rejected".to_owned(), cause: cause_text }), ours);
    }

    #[test]
    fn what_is_not_ours_is_never_repeated() {
        for (error, code) in [
            ("Sandbox.Timedout", "step_timeout"),
            ("Runtime.ExitError", "step_crashed"),
            ("Lambda.TooManyRequestsException", "step_not_run"),
            ("alloc::string::String", "step_broken"),
            ("Step.Rejected", "step_broken"),
        ] {
            let caught = Caught { error: error.to_owned(), cause: r#"{"errorMessage":"password=hunter2"}"#.to_owned() };
            let cause = cause(&caught);
            assert_eq!(cause.code, code);
            assert!(!cause.hint.contains("hunter2"));
        }
    }
}
