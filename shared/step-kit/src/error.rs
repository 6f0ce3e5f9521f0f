//! Errors as the state machine sees them.

use domain::{Cause, Failure, FailureKind, Owner};
use lambda_runtime::Diagnostic;

/// Why a step did not come to its end. `From` every client's error, so that a step's code says `?`.
#[derive(Clone, Debug)]
pub struct StepError(pub Failure);

impl StepError {
    /// A failure of the step's own.
    #[must_use]
    pub fn new(kind: FailureKind, code: &str, owner: Owner, hint: &str) -> Self {
        Self(Failure::new(kind, code, owner, hint))
    }

    /// This run is over: another attempt, another state, or a lease that lapsed.
    #[must_use]
    pub fn superseded() -> Self {
        Self::new(
            FailureKind::Superseded,
            "superseded",
            Owner::Platform,
            "Another run of this tenant has taken over; nothing is to be done.",
        )
    }

    /// The other side said no, and will again.
    #[must_use]
    pub fn rejected(code: &str, owner: Owner, hint: &str) -> Self {
        Self::new(FailureKind::Rejected, code, owner, hint)
    }

    /// Something is not visible or not ready yet; looked at again in a few seconds.
    #[must_use]
    pub fn busy(code: &str, owner: Owner, hint: &str) -> Self {
        Self::new(FailureKind::Busy, code, owner, hint)
    }

    /// The cause, as it is kept and shown.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// The name the state machine's retriers match. `Step.Transient` is matched by `States.ALL`, like a killed process.
    #[must_use]
    pub const fn name(kind: FailureKind) -> &'static str {
        match kind {
            FailureKind::RateLimited { .. } => "Step.RateLimited",
            FailureKind::Busy => "Step.Busy",
            FailureKind::Transient => "Step.Transient",
            FailureKind::Rejected => "Step.Rejected",
            FailureKind::Internal => "Step.Internal",
            FailureKind::Superseded => "Step.Superseded",
        }
    }
}

impl<E: Into<Failure>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<StepError> for Diagnostic {
    fn from(error: StepError) -> Self {
        let message = serde_json::to_string(&error.0.cause).unwrap_or_else(|_| error.0.cause.code.clone());
        Self { error_type: StepError::name(error.0.kind).to_owned(), error_message: message }
    }
}
