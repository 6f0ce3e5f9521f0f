//! Why something outside did not work, in words a person can act on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// Whoever sent the request: another value would work.
    Caller,
    /// The outside system itself.
    Provider,
    /// A limit bought from the provider: projects, mails, invoices.
    Quota,
    /// Whoever runs this installation: a credential, a parameter, a network path.
    Platform,
}

/// The cause of a failure. It lands in execution history, in the database and in `GET …/status`, so every text in it
/// comes from an allow-list in our code: never from an outside system's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// Stable `snake_case` name, for machines.
    pub code: String,
    /// Who can mend it.
    pub owner: Owner,
    /// Whether the same request may succeed later without anybody doing anything.
    pub retryable: bool,
    /// What to do about it, one sentence, for people.
    pub hint: String,
    /// The provider's own id of the failed request, for their support.
    #[serde(default)]
    pub provider_request_id: Option<String>,
}

/// How the caller of an outside system goes on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A rate limit; `retry_after` is the provider's own word on it.
    RateLimited {
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// Somebody else is at it, something is being changed or replaced, or an earlier request's outcome is not visible yet:
    /// wait and look again, for minutes if need be.
    Busy,
    /// Nobody's fault: a dropped connection, a time-out, a 5xx. Trying again is right.
    Transient,
    /// The other side understood and said no: trying again cannot help.
    Rejected,
    /// A mistake on our side: a broken invariant, an unreadable secret.
    Internal,
    /// This run is over: the tenant moved on to another attempt or state.
    Superseded,
}

/// A failed call to an outside system, as every client reports it to the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .cause.code, .cause.hint)]
pub struct Failure {
    /// How to go on.
    pub kind: FailureKind,
    /// What it was.
    pub cause: Cause,
}

impl Failure {
    /// A failure of `kind`; whether it is retryable follows from the kind.
    #[must_use]
    pub fn new(kind: FailureKind, code: &str, owner: Owner, hint: &str) -> Self {
        let retryable = match kind {
            FailureKind::RateLimited { .. } | FailureKind::Busy | FailureKind::Transient => true,
            FailureKind::Rejected | FailureKind::Internal | FailureKind::Superseded => false,
        };
        Self {
            kind,
            cause: Cause { code: code.to_owned(), owner, retryable, hint: hint.to_owned(), provider_request_id: None },
        }
    }

    /// The same failure with the provider's request id, if it is one: at most 128 of `[A-Za-z0-9._-]`.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<&str>) -> Self {
        self.cause.provider_request_id = id
            .filter(|id| !id.is_empty() && id.len() <= 128)
            .filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)))
            .map(str::to_owned);
        self
    }
}
