//! Errors as the state machine sees them.

use domain::{Failure, FailureKind};
use lambda_runtime::Diagnostic;

/// A failure for the state machine, which matches the name of its kind and keeps its cause in the history.
#[derive(Clone, Debug)]
pub struct StepError(pub Failure);

impl<E: Into<Failure>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<StepError> for Diagnostic {
    fn from(StepError(failure): StepError) -> Self {
        let message = serde_json::to_string(&failure.cause()).unwrap_or_else(|_| failure.code().as_str().to_owned());
        Self { error_type: error_name(failure.kind()).to_owned(), error_message: message }
    }
}

/// The name that the state machine's retriers match. `Step.Transient` is matched by `States.ALL`, like a killed
/// process.
#[must_use]
pub const fn error_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::RateLimited => "Step.RateLimited",
        FailureKind::Busy => "Step.Busy",
        FailureKind::Transient => "Step.Transient",
        FailureKind::Rejected => "Step.Rejected",
        FailureKind::Internal => "Step.Internal",
        FailureKind::Superseded => "Step.Superseded",
    }
}
