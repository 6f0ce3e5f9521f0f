//! The errors of the client, and their cause codes.

use domain::{CauseCode, Failure, FailureKind};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

/// A failed call. Stripe's messages are not kept, since they quote the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no answer.
    #[error("Stripe: {0}")]
    Transport(#[from] TransportError),
    /// Too many calls.
    #[error("Stripe: too many requests")]
    RateLimited {
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// Stripe is still at work on a request with the same key, or another request has locked the object.
    #[error("Stripe: another request is at work")]
    Busy {
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// A 5xx.
    #[error("Stripe: server error (status {status})")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The answer repeats that of an earlier request with this key. Stripe will never answer anything else for this
        /// key.
        replayed: bool,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// The secret key is not accepted, or does not allow the request.
    #[error("Stripe: the secret key is not accepted")]
    Unauthorized {
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// What the request names does not exist in the key's mode of the key's account, or not any more.
    #[error("Stripe: no such object (status {status})")]
    Missing {
        /// 404 if the path names it, 400 if a parameter does.
        status: u16,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// Stripe understood the request and refused it.
    #[error("Stripe: refused (status {status})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// A success whose shape is not the documented one.
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
            (429, _) => Self::RateLimited { request_id },
            (401 | 403, _) => Self::Unauthorized { request_id },
            (status @ 500..600, _) => {
                Self::Server { status, replayed: answer.header("idempotent-replayed") == Some("true"), request_id }
            }
            (status @ (400 | 404), Some("resource_missing")) => Self::Missing { status, request_id },
            (status @ 400..500, _) => Self::Rejected { status, request_id },
            _ => Self::UnexpectedAnswer { request_id },
        }
    }

    /// Whether the answer is an error that Stripe stored for this key. In that case the key cannot be used any more.
    #[must_use]
    pub const fn is_replayed(&self) -> bool {
        matches!(self, Self::Server { replayed: true, .. })
    }

    /// Whether Stripe understood the request and refused it.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Rejected { .. })
    }

    /// Whether this request certainly created nothing.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Transport(error) => !error.may_have_had_effect(),
            Self::RateLimited { .. } | Self::Unauthorized { .. } | Self::Missing { .. } | Self::Rejected { .. } => true,
            Self::Busy { .. } | Self::Server { .. } | Self::UnexpectedAnswer { .. } => false,
        }
    }

    /// The failure of a request that changes something. If the request may have had an effect, the failure is never a
    /// refusal.
    #[must_use]
    pub fn of_a_write(self) -> Failure {
        let definite = self.is_definite();
        let failure = Failure::from(self);
        if !definite && failure.kind() == FailureKind::Rejected {
            return failure.of_kind(FailureKind::Transient);
        }
        failure
    }
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::StripeUnreachable,
    untrusted: CauseCode::StripeUntrusted,
    timeout: CauseCode::StripeTimeout,
    connection_lost: CauseCode::StripeConnectionLost,
    answer_too_large: CauseCode::StripeAnswerTooLarge,
    bad_configuration: CauseCode::StripeBadConfiguration,
};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, request_id) = match error {
            Error::Transport(error) => return error.failure(&TRANSPORT),
            Error::RateLimited { request_id } => (CauseCode::StripeRateLimited, request_id),
            Error::Busy { request_id } => (CauseCode::StripeBusy, request_id),
            Error::Server { request_id, .. } => (CauseCode::StripeError, request_id),
            Error::Unauthorized { request_id } => (CauseCode::StripeUnauthorized, request_id),
            Error::Missing { request_id, .. } | Error::Rejected { request_id, .. } => {
                (CauseCode::StripeRejected, request_id)
            }
            Error::UnexpectedAnswer { request_id } => (CauseCode::StripeUnexpectedAnswer, request_id),
        };
        Self::from(code).with_request_id(request_id.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_with_an_unknown_outcome_is_not_a_refusal() {
        let too_large = Error::Transport(TransportError::TooLarge);
        assert_eq!(Failure::from(too_large.clone()).kind(), FailureKind::Rejected);
        assert_eq!(too_large.of_a_write().kind(), FailureKind::Transient);
        let refused = Error::Rejected { status: 400, request_id: None };
        assert_eq!(refused.of_a_write().kind(), FailureKind::Rejected);
    }
}
