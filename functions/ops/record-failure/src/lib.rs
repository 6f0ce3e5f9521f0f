//! Records that a run failed, at which step and why. It never changes an active tenant or a newer attempt.

use domain::{Cause, CauseCode, Failure, FailureKind, TenantId};
use lambda_kit::needs;
use lambda_kit::operation::Operation;
use serde::{Deserialize, Serialize};
use step_kit::{StepError, error_name};
use store::{ControlDatabase, FailOutcome};
use tracing::Span;

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
        let cause = cause(&task.error);
        let outcome = self.store.fail_run(task.tenant_id, task.attempt, &cause, true, request_id).await?;
        tracing::warn!(?outcome, error = task.error.error, code = cause.code, "a run failed");
        match outcome {
            FailOutcome::Failed(_) => Ok(Report { recorded: true }),
            FailOutcome::Over => Ok(Report { recorded: false }),
            FailOutcome::Busy => Err(CauseCode::LeaseHeld.into()),
        }
    }
}

/// A Lambda error as Step Functions passes it on: JSON in a string. In the message of a step's own error is its cause, as
/// JSON in a string again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaError {
    error_message: String,
}

fn cause(caught: &Caught) -> Cause {
    step_cause(caught).unwrap_or_else(|| Failure::from(foreign(&caught.error)).cause())
}

/// The cause that the step itself gave.
fn step_cause(caught: &Caught) -> Option<Cause> {
    if !FailureKind::ALL.into_iter().any(|kind| error_name(kind) == caught.error) {
        return None;
    }
    let LambdaError { error_message } = serde_json::from_str(&caught.cause).ok()?;
    serde_json::from_str(&error_message).ok()
}

/// Why a step failed that could not say it itself, because its process died or never ran. The names are those of Lambda and
/// of Step Functions.
fn foreign(error: &str) -> CauseCode {
    match error {
        "States.Timeout" | "Sandbox.Timedout" | "Lambda.Unknown" => CauseCode::StepTimeout,
        "Runtime.ExitError" | "Runtime.Unknown" | "Runtime.InvalidEntrypoint" => CauseCode::StepCrashed,
        _ if error.starts_with("Lambda.") || error.starts_with("States.") => CauseCode::StepNotRun,
        _ => CauseCode::StepBroken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_step_is_taken_from_its_error() {
        let ours = Failure::from(CauseCode::StripeError).cause();
        let message = serde_json::to_string(&ours).expect("json");
        let cause_text = serde_json::json!({"errorType": "Step.Rejected", "errorMessage": message}).to_string();
        assert_eq!(cause(&Caught { error: "Step.Rejected".to_owned(), cause: cause_text }), ours);
    }

    #[test]
    fn texts_of_others_are_never_repeated() {
        for (error, code) in [
            ("Sandbox.Timedout", CauseCode::StepTimeout),
            ("Runtime.ExitError", CauseCode::StepCrashed),
            ("Lambda.TooManyRequestsException", CauseCode::StepNotRun),
            ("alloc::string::String", CauseCode::StepBroken),
            ("Step.Rejected", CauseCode::StepBroken),
        ] {
            let caught = Caught { error: error.to_owned(), cause: r#"{"errorMessage":"password=hunter2"}"#.to_owned() };
            let cause = cause(&caught);
            assert_eq!(cause.code, code.as_str());
            assert!(!cause.hint.contains("hunter2"));
        }
    }
}
