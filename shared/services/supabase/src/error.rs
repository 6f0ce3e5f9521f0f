//! Errors of the Management API, distinguished as far as the pipeline treats them differently.

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

/// Supabase's own id of a request, if the answer had one. The gateway in front of a project sets `sb-request-id`, and
/// Cloudflare in front of both APIs sets `cf-ray`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestId(Option<String>);

impl RequestId {
    /// The id of the answered request.
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

/// A failed call of the Management API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no answer.
    #[error("Supabase: {0}")]
    Transport(#[from] TransportError),
    /// The call was not made, because this argument cannot be part of a valid call.
    #[error("Supabase: the {0} is not usable")]
    BadArgument(&'static str),
    /// Too many calls. The limit is 120 per minute for each endpoint and each user, organisation or project.
    #[error("Supabase: too many requests")]
    RateLimited(RequestId),
    /// The access token is not accepted.
    #[error("Supabase: the access token is not accepted")]
    Unauthorized(RequestId),
    /// The access token does not allow the call.
    #[error("Supabase: the access token does not allow the call")]
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
    /// The organisation's plan does not include it.
    #[error("Supabase: the organisation's plan does not include it")]
    PlanTooSmall(RequestId),
    /// Any other 4xx: Supabase did not accept the request.
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
    /// A 5xx from Supabase or from the proxy in front of it.
    #[error("Supabase: server error (status {status})")]
    ServerError {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
    /// A success whose shape is not the documented one.
    #[error("Supabase: an answer of an unknown shape")]
    UnexpectedAnswer(RequestId),
    /// The project is new and has no API keys yet.
    #[error("Supabase: the project has no API keys yet")]
    KeysMissing,
    /// The project is new and not known to the pooler yet.
    #[error("Supabase: the project has no pooler yet")]
    PoolerMissing,
    /// The project's pooler offers no session mode.
    #[error("Supabase: the project's pooler has no session mode")]
    NoSessionPooler,
}

/// The body of a refusal. Its text tells the kind of refusal and is then dropped.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Error {
    /// The error that an unsuccessful answer stands for. The statuses of a refused creation are not documented, but its
    /// texts are listed in the source of Supabase's own console. So every 4xx is searched for these texts.
    pub(crate) fn of(answer: &Answer) -> Self {
        let request_id = RequestId::of(answer);
        let status = answer.status.as_u16();
        match status {
            404 => return Self::NotFound(request_id),
            429 => return Self::RateLimited(request_id),
            400..500 => {}
            500..600 => return Self::ServerError { status, request_id },
            _ => return Self::UnexpectedAnswer(request_id),
        }
        let message = answer.json::<Refusal>().map_or_else(String::new, |refusal| refusal.message);
        if status == 401 && concerns_the_token(&message) {
            Self::Unauthorized(request_id)
        } else if message.contains("already exists in your organization") {
            Self::NameTaken(request_id)
        } else if message.contains("maximum limits for the number of active free projects") {
            Self::ProjectLimit(request_id)
        } else if message.contains("overdue invoices") {
            Self::OverdueInvoices(request_id)
        } else if status == 402 {
            Self::PlanTooSmall(request_id)
        } else if status == 403 {
            Self::Forbidden(request_id)
        } else {
            Self::InvalidRequest { status, request_id }
        }
    }

    /// Whether the call may have had its effect nevertheless. After such an error, look for a new project by its name,
    /// and do not send the creation again at once: the API has no idempotency key.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_have_had_effect(),
            Self::ServerError { .. } | Self::UnexpectedAnswer(_) => true,
            Self::BadArgument(_)
            | Self::RateLimited(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NameTaken(_)
            | Self::ProjectLimit(_)
            | Self::OverdueInvoices(_)
            | Self::PlanTooSmall(_)
            | Self::InvalidRequest { .. }
            | Self::NotFound(_)
            | Self::KeysMissing
            | Self::PoolerMissing
            | Self::NoSessionPooler => false,
        }
    }

    /// Supabase's id of the request, if the answer had one.
    fn request_id(&self) -> Option<&str> {
        match self {
            Self::RateLimited(request_id)
            | Self::InvalidRequest { request_id, .. }
            | Self::ServerError { request_id, .. }
            | Self::Unauthorized(request_id)
            | Self::Forbidden(request_id)
            | Self::NameTaken(request_id)
            | Self::ProjectLimit(request_id)
            | Self::OverdueInvoices(request_id)
            | Self::PlanTooSmall(request_id)
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

/// Whether the text of a 401 is about the access token. The API also answers 401 if a setting is not allowed, for example
/// `Custom SMTP required to configure: RATE_LIMIT_EMAIL_SENT` (public report: jikig-ai/soleur#5447).
fn concerns_the_token(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.is_empty()
        || ["unauthorized", "authorization", "unauthenticated", "authentication", "token", "jwt", "credential"]
            .iter()
            .any(|word| message.contains(word))
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::SupabaseUnreachable,
    untrusted: CauseCode::SupabaseUntrusted,
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
            Error::RateLimited(_) => CauseCode::SupabaseRateLimited,
            Error::Unauthorized(_) => CauseCode::SupabaseUnauthorized,
            Error::Forbidden(_) => CauseCode::SupabaseForbidden,
            Error::NameTaken(_) => CauseCode::SupabaseNameTaken,
            Error::ProjectLimit(_) => CauseCode::SupabaseProjectLimit,
            Error::OverdueInvoices(_) => CauseCode::SupabaseOverdueInvoices,
            Error::PlanTooSmall(_) => CauseCode::SupabasePlanTooSmall,
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
