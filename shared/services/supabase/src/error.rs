//! What the Management API refuses, told apart as far as the pipeline acts differently on it.

use std::time::Duration;

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

/// Supabase's own id of a request, where the answer had one: `sb-request-id` is set by the gateway in front of a
/// project, `cf-ray` by Cloudflare in front of both APIs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestId(Option<String>);

impl RequestId {
    /// The id of the request this is the answer to.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let id = ["sb-request-id", "x-request-id", "cf-ray"].iter().find_map(|name| answer.header(name));
        Self(id.map(str::to_owned))
    }

    /// The id, if there is one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// A call of the Management API that did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no answer.
    #[error("Supabase: {0}")]
    Transport(#[from] TransportError),
    /// The call was not made: this argument cannot be part of a valid one.
    #[error("Supabase: the {0} is not usable")]
    BadArgument(&'static str),
    /// Too many calls: 120 per minute for each user, organisation or project, and endpoint.
    #[error("Supabase: too many requests")]
    RateLimited {
        /// When the limit is lifted, from now.
        retry_after: Option<Duration>,
        /// The request's id.
        request_id: RequestId,
    },
    /// The access token is not accepted.
    #[error("Supabase: the access token is not accepted")]
    Unauthorized(RequestId),
    /// The access token does not allow this.
    #[error("Supabase: the access token does not allow this")]
    Forbidden(RequestId),
    /// The organisation has a project of this name.
    #[error("Supabase: the organisation has a project of this name")]
    NameTaken(RequestId),
    /// The organisation may have no more projects.
    #[error("Supabase: the organisation may have no more projects")]
    ProjectLimit(RequestId),
    /// The organisation has unpaid invoices.
    #[error("Supabase: the organisation has overdue invoices")]
    OverdueInvoices(RequestId),
    /// Any other 4xx: Supabase did not accept what was sent.
    #[error("Supabase: the request was not accepted (status {status})")]
    InvalidRequest {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
    /// There is no such project.
    #[error("Supabase: there is no such project")]
    NotFound(RequestId),
    /// A 5xx, of Supabase or of the proxy in front of it.
    #[error("Supabase: server error (status {status})")]
    ServerError {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
    /// A success that is not of the documented shape.
    #[error("Supabase: an answer of an unknown shape")]
    UnexpectedAnswer(RequestId),
    /// A young project that has no API keys yet.
    #[error("Supabase: the project has no API keys yet")]
    KeysMissing,
    /// A young project that is not known to the pooler yet.
    #[error("Supabase: the project has no pooler yet")]
    PoolerMissing,
    /// The project's pooler offers no session mode.
    #[error("Supabase: the project's pooler has no session mode")]
    NoSessionPooler,
}

/// The body of a refusal. Its text decides which refusal it is and is then dropped.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Error {
    /// The error an answer other than a success is. The statuses of a refused creation are documented nowhere, while
    /// its texts are in the list that Supabase's own console knows: so every 4xx is searched for them.
    pub(crate) fn of(answer: &Answer) -> Self {
        let request_id = RequestId::of(answer);
        let status = answer.status.as_u16();
        match status {
            401 => return Self::Unauthorized(request_id),
            404 => return Self::NotFound(request_id),
            429 => {
                return Self::RateLimited { retry_after: retry_after(answer), request_id };
            }
            400..500 => {}
            500..600 => return Self::ServerError { status, request_id },
            _ => return Self::UnexpectedAnswer(request_id),
        }
        let message = answer.json::<Refusal>().map_or_else(String::new, |refusal| refusal.message);
        if message.contains("already exists in your organization") {
            Self::NameTaken(request_id)
        } else if message.contains("maximum limits for the number of active free projects") {
            Self::ProjectLimit(request_id)
        } else if message.contains("overdue invoices") {
            Self::OverdueInvoices(request_id)
        } else if status == 403 {
            Self::Forbidden(request_id)
        } else {
            Self::InvalidRequest { status, request_id }
        }
    }

    /// Whether the call may have had its effect all the same. A project creation that failed like this is to be looked
    /// for by its name, never sent again at once: the API knows no idempotency key.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_have_had_effect(),
            Self::ServerError { .. } | Self::UnexpectedAnswer(_) => true,
            Self::BadArgument(_)
            | Self::RateLimited { .. }
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NameTaken(_)
            | Self::ProjectLimit(_)
            | Self::OverdueInvoices(_)
            | Self::InvalidRequest { .. }
            | Self::NotFound(_)
            | Self::KeysMissing
            | Self::PoolerMissing
            | Self::NoSessionPooler => false,
        }
    }

    /// Supabase's id of the request, where it gave one.
    fn request_id(&self) -> Option<&str> {
        match self {
            Self::RateLimited { request_id, .. }
            | Self::InvalidRequest { request_id, .. }
            | Self::ServerError { request_id, .. }
            | Self::Unauthorized(request_id)
            | Self::Forbidden(request_id)
            | Self::NameTaken(request_id)
            | Self::ProjectLimit(request_id)
            | Self::OverdueInvoices(request_id)
            | Self::NotFound(request_id)
            | Self::UnexpectedAnswer(request_id) => request_id.as_deref(),
            Self::Transport(_)
            | Self::BadArgument(_)
            | Self::KeysMissing
            | Self::PoolerMissing
            | Self::NoSessionPooler => None,
        }
    }
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::SupabaseUnreachable,
    timeout: CauseCode::SupabaseTimeout,
    connection_lost: CauseCode::SupabaseConnectionLost,
    answer_too_large: CauseCode::SupabaseAnswerTooLarge,
    bad_configuration: CauseCode::SupabaseBadConfiguration,
};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Transport(error) => return error.failure(&TRANSPORT),
            Error::BadArgument(_) => CauseCode::SupabaseBadArgument,
            Error::RateLimited { .. } => CauseCode::SupabaseRateLimited,
            Error::Unauthorized(_) => CauseCode::SupabaseUnauthorized,
            Error::Forbidden(_) => CauseCode::SupabaseForbidden,
            Error::NameTaken(_) => CauseCode::SupabaseNameTaken,
            Error::ProjectLimit(_) => CauseCode::SupabaseProjectLimit,
            Error::OverdueInvoices(_) => CauseCode::SupabaseOverdueInvoices,
            Error::InvalidRequest { .. } => CauseCode::SupabaseInvalidRequest,
            Error::NotFound(_) => CauseCode::SupabaseNotFound,
            Error::ServerError { .. } => CauseCode::SupabaseServerError,
            Error::UnexpectedAnswer(_) => CauseCode::SupabaseUnexpectedAnswer,
            Error::KeysMissing => CauseCode::SupabaseKeysMissing,
            Error::PoolerMissing => CauseCode::SupabasePoolerMissing,
            Error::NoSessionPooler => CauseCode::SupabaseNoSessionPooler,
        };
        Self::from(code).with_request_id(error.request_id())
    }
}

/// How long a rate limit still lasts. The Management API documents `X-RateLimit-Reset` in seconds from now, over
/// windows of a few minutes: a larger number would be a point in time, not a delay.
pub(crate) fn retry_after(answer: &Answer) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_hours(1);
    let reset = || answer.header("x-ratelimit-reset")?.trim().parse().ok().map(Duration::from_secs);
    answer.retry_after().or_else(reset).filter(|delay| *delay <= LONGEST)
}
