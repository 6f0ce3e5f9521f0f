//! What can go wrong, and what the pipeline makes of it.

use std::time::Duration;

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
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

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::StripeUnreachable,
    timeout: CauseCode::StripeTimeout,
    connection_lost: CauseCode::StripeConnectionLost,
    answer_too_large: CauseCode::StripeAnswerTooLarge,
    bad_configuration: CauseCode::StripeBadConfiguration,
};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, request_id) = match error {
            Error::Transport(error) => return error.failure(&TRANSPORT),
            Error::RateLimited { request_id, .. } => (CauseCode::StripeRateLimited, request_id),
            Error::Busy { request_id } => (CauseCode::StripeBusy, request_id),
            Error::Server { request_id, .. } => (CauseCode::StripeError, request_id),
            Error::Unauthorized { request_id } => (CauseCode::StripeUnauthorized, request_id),
            Error::Rejected { request_id, .. } => (CauseCode::StripeRejected, request_id),
            Error::UnexpectedAnswer { request_id } => (CauseCode::StripeUnexpectedAnswer, request_id),
        };
        Self::from(code).with_request_id(request_id.as_deref())
    }
}
