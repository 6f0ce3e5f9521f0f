//! The error that ended a run, as Step Functions passes it on, and the cause in it.

use serde::Deserialize;

use crate::cause::{Cause, CauseCode, FailureKind};
use crate::failure::Failure;

impl FailureKind {
    /// The error's name, which the state machine's retriers match. `Step.Transient` is matched by `States.ALL`, like a
    /// killed process.
    #[must_use]
    pub const fn error_name(self) -> &'static str {
        match self {
            Self::RateLimited => "Step.RateLimited",
            Self::Busy => "Step.Busy",
            Self::Transient => "Step.Transient",
            Self::Rejected => "Step.Rejected",
            Self::Internal => "Step.Internal",
            Self::Superseded => "Step.Superseded",
        }
    }
}

/// An error's name, and what Step Functions calls its cause: a text for people, or what the function said, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    /// The name.
    pub error: String,
    /// The text.
    #[serde(default)]
    pub cause: String,
}

/// What a function said: JSON in a string. In the message of a step's own error is its cause, as JSON in a string again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaError {
    error_message: String,
}

impl Caught {
    /// Why the run ended: the cause that the step gave, or else what the error's name stands for.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.of_step().unwrap_or_else(|| Failure::from(self.foreign()).cause())
    }

    /// The cause that the step itself gave.
    fn of_step(&self) -> Option<Cause> {
        if !FailureKind::ALL.into_iter().any(|kind| kind.error_name() == self.error) {
            return None;
        }
        let LambdaError { error_message } = serde_json::from_str(&self.cause).ok()?;
        serde_json::from_str(&error_message).ok()
    }

    /// Why a step failed that could not say it itself, because its process died or never ran. The names are those of
    /// Lambda (the API's model of `Invoke`) and of Step Functions.
    fn foreign(&self) -> CauseCode {
        match self.error.as_str() {
            "States.Timeout" | "Sandbox.Timedout" | "Lambda.Unknown" => CauseCode::StepTimeout,
            "Runtime.ExitError" | "Runtime.Unknown" | "Runtime.InvalidEntrypoint" => CauseCode::StepCrashed,
            "Lambda.TooManyRequestsException" => CauseCode::LambdaFull,
            "Lambda.ENILimitReachedException" | "Lambda.SubnetIPAddressLimitReachedException" => {
                CauseCode::LambdaNetworkFull
            }
            "Lambda.CodeArtifactUserPendingException"
            | "Lambda.CodeArtifactUserDeletedException"
            | "Lambda.ResourceNotReadyException"
            | "Lambda.ResourceConflictException"
            | "Lambda.ENINotReadyException" => CauseCode::LambdaNotReady,
            "Lambda.ServiceException"
            | "Lambda.AWSLambdaException"
            | "Lambda.SdkClientException"
            | "Lambda.ClientExecutionTimeoutException"
            | "Lambda.EC2ThrottledException"
            | "Lambda.EC2UnexpectedException" => CauseCode::LambdaUnavailable,
            name if name.starts_with("Lambda.") || name.starts_with("States.") => CauseCode::StepNotRun,
            _ => CauseCode::StepBroken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_step_is_taken_from_its_error() {
        let ours = Failure::from(CauseCode::StripeError).cause();
        let message = serde_json::to_string(&ours).expect("json");
        let cause = serde_json::json!({"errorType": "Step.Rejected", "errorMessage": message}).to_string();
        assert_eq!(Caught { error: "Step.Rejected".to_owned(), cause }.cause(), ours);
    }

    #[test]
    fn texts_of_others_are_never_repeated() {
        for (error, code) in [
            ("Sandbox.Timedout", CauseCode::StepTimeout),
            ("Runtime.ExitError", CauseCode::StepCrashed),
            ("Lambda.TooManyRequestsException", CauseCode::LambdaFull),
            ("Lambda.ResourceNotReadyException", CauseCode::LambdaNotReady),
            ("Lambda.ServiceException", CauseCode::LambdaUnavailable),
            ("Lambda.SubnetIPAddressLimitReachedException", CauseCode::LambdaNetworkFull),
            ("Lambda.ResourceNotFoundException", CauseCode::StepNotRun),
            ("States.Runtime", CauseCode::StepNotRun),
            ("alloc::string::String", CauseCode::StepBroken),
            ("Step.Rejected", CauseCode::StepBroken),
        ] {
            let cause = r#"{"errorMessage":"password=hunter2"}"#.to_owned();
            let cause = Caught { error: error.to_owned(), cause }.cause();
            assert_eq!(cause.code, code.as_str());
            assert!(!cause.hint.contains("hunter2"));
        }
    }
}
