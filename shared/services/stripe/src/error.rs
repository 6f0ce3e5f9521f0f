//! What can go wrong, and what the pipeline makes of it.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner};
use http_kit::{Answer, TransportError};
use serde::Deserialize;

/// A call that did not give what was asked for. Stripe's messages are not kept: they quote the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no answer.
    #[error("Stripe: {0}")]
    Transport(#[from] TransportError),
    /// Too many calls.
    #[error("Stripe: too many requests")]
    RateLimited {
        /// When to come back, if Stripe said so.
        retry_after: Option<Duration>,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// A request with the same key is being worked on, or the object is locked by another one.
    #[error("Stripe: the object is being worked on")]
    Busy {
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// A 5xx.
    #[error("Stripe: server error (status {status})")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The answer is the stored one of an earlier request with this key: it will never be another.
        replayed: bool,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// The key is not accepted, or does not allow this.
    #[error("Stripe: the secret key is not accepted")]
    Unauthorized {
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// Stripe understood and said no.
    #[error("Stripe: refused (status {status})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// A success that is not of the documented shape.
    #[error("Stripe: an answer of an unknown shape")]
    UnexpectedAnswer {
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
}

#[derive(Deserialize)]
struct Refusal {
    error: Details,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    code: Option<String>,
}

impl Error {
    pub(crate) fn of(answer: &Answer) -> Self {
        let request_id = answer.header("request-id").map(str::to_owned);
        let code = answer.json::<Refusal>().and_then(|refusal| refusal.error.code);
        match (answer.status.as_u16(), code.as_deref()) {
            (_, Some("idempotency_key_in_use" | "lock_timeout")) => Self::Busy { request_id },
            (429, _) => Self::RateLimited { retry_after: answer.retry_after(), request_id },
            (401 | 403, _) => Self::Unauthorized { request_id },
            (status @ 500..600, _) => {
                Self::Server { status, replayed: answer.header("idempotent-replayed") == Some("true"), request_id }
            }
            (status @ 400..500, _) => Self::Rejected { status, request_id },
            _ => Self::UnexpectedAnswer { request_id },
        }
    }

    /// Whether the answer is an error that Stripe stored under this key: the key is used up.
    #[must_use]
    pub const fn is_replayed(&self) -> bool {
        matches!(self, Self::Server { replayed: true, .. })
    }

    /// Whether Stripe understood the request and said no.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// Whether nothing was made by this request, for certain.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Transport(error) => !error.may_have_had_effect(),
            Self::RateLimited { .. } | Self::Unauthorized { .. } | Self::Rejected { .. } => true,
            Self::Busy { .. } | Self::Server { .. } | Self::UnexpectedAnswer { .. } => false,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code, owner, hint, request_id) = match error {
            Error::Transport(error) => return error.failure("stripe"),
            Error::RateLimited { retry_after, request_id } => (
                FailureKind::RateLimited { retry_after },
                "stripe_rate_limited",
                Owner::Quota,
                "Stripe limits how often it is called; it is tried again.",
                request_id,
            ),
            Error::Busy { request_id } => (
                FailureKind::Busy,
                "stripe_busy",
                Owner::Provider,
                "Stripe is still at work on the same request; its outcome is asked for again.",
                request_id,
            ),
            Error::Server { request_id, .. } => (
                FailureKind::Transient,
                "stripe_error",
                Owner::Provider,
                "Stripe had an error of its own; it is tried again. If this persists see its status page.",
                request_id,
            ),
            Error::Unauthorized { request_id } => (
                FailureKind::Rejected,
                "stripe_unauthorized",
                Owner::Platform,
                "Stripe does not accept the secret key, or the key lacks a right; put a valid one into the secret control/stripe, then send the request again.",
                request_id,
            ),
            Error::Rejected { request_id, .. } => (
                FailureKind::Rejected,
                "stripe_rejected",
                Owner::Platform,
                "Stripe refused the request; look its id up in Stripe's dashboard, mend what it names, then send the request again.",
                request_id,
            ),
            Error::UnexpectedAnswer { request_id } => (
                FailureKind::Transient,
                "stripe_unexpected_answer",
                Owner::Provider,
                "Stripe answered in an undocumented shape; check that the API's address is the right one.",
                request_id,
            ),
        };
        Self::new(kind, code, owner, hint).with_request_id(request_id.as_deref())
    }
}
