//! Errors as the state machine sees them.

use domain::Failure;
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
        Self { error_type: failure.kind().error_name().to_owned(), error_message: message }
    }
}
