//! What a project's Auth refuses, told apart by its stable error codes.

use std::time::Duration;

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

use crate::error::{RequestId, retry_after};

/// A call of a project's Auth that did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There was no answer.
    #[error("Supabase Auth: {0}")]
    Transport(#[from] TransportError),
    /// A user of this address exists and has confirmed it. No mail was sent.
    #[error("Supabase Auth: a confirmed user has this address")]
    EmailExists(RequestId),
    /// The project has no mail server of its own: the built-in one mails only to the organisation's team.
    #[error("Supabase Auth: mail to this address is not allowed")]
    EmailNotAuthorized(RequestId),
    /// Auth does not take this for an e-mail address.
    #[error("Supabase Auth: not an e-mail address")]
    InvalidEmail(RequestId),
    /// The project's mails of this hour are used up.
    #[error("Supabase Auth: too many mails")]
    MailRateLimited {
        /// When the limit is lifted, from now.
        retry_after: Option<Duration>,
        /// The request's id.
        request_id: RequestId,
    },
    /// Too many calls.
    #[error("Supabase Auth: too many requests")]
    RateLimited {
        /// When the limit is lifted, from now.
        retry_after: Option<Duration>,
        /// The request's id.
        request_id: RequestId,
    },
    /// The invitation failed inside Auth, which is nearly always the mail server refusing the mail; the user it had
    /// created is rolled back.
    #[error("Supabase Auth: the mail could not be sent")]
    MailFailed(RequestId),
    /// The secret key is not accepted.
    #[error("Supabase Auth: the secret key is not accepted")]
    Unauthorized(RequestId),
    /// A 5xx, of Auth or of the gateway in front of it.
    #[error("Supabase Auth: server error (status {status})")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
    /// Anything undocumented, a success included.
    #[error("Supabase Auth: an unexpected answer (status {status})")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
}

/// The body of Auth's refusals as of API version 2024-01-01; before it, `code` was the HTTP status. A 5xx, or what the
/// gateway says by itself, may be anything.
#[derive(Deserialize)]
struct AuthRefusal {
    code: String,
}

/// Auth's name of an error, in the header or in the body. Only it is stable: texts and statuses have changed.
pub(crate) fn code_of(answer: &Answer) -> Option<String> {
    let header = answer.header("x-sb-error-code").map(str::to_owned);
    header.or_else(|| answer.json::<AuthRefusal>().map(|refusal| refusal.code))
}

impl AuthError {
    /// The error an answer other than a success is.
    pub(crate) fn of(answer: &Answer) -> Self {
        let request_id = RequestId::of(answer);
        let status = answer.status.as_u16();
        match (code_of(answer).as_deref(), status) {
            (Some("email_exists" | "user_already_exists"), _) => Self::EmailExists(request_id),
            (Some("email_address_not_authorized"), _) => Self::EmailNotAuthorized(request_id),
            // The hosted platform refuses example and test domains by the second name.
            (Some("validation_failed" | "email_address_invalid"), _) => Self::InvalidEmail(request_id),
            (Some("over_email_send_rate_limit"), _) => {
                Self::MailRateLimited { retry_after: retry_after(answer), request_id }
            }
            (Some("no_authorization" | "bad_jwt" | "not_admin"), _) | (_, 401 | 403) => Self::Unauthorized(request_id),
            (_, 429) => Self::RateLimited { retry_after: retry_after(answer), request_id },
            (_, 500..600) => Self::Server { status, request_id },
            (_, _) => Self::Unexpected { status, request_id },
        }
    }

    /// Supabase's id of the request, where it gave one.
    fn request_id(&self) -> Option<&str> {
        match self {
            Self::EmailExists(request_id)
            | Self::EmailNotAuthorized(request_id)
            | Self::InvalidEmail(request_id)
            | Self::MailFailed(request_id)
            | Self::Unauthorized(request_id)
            | Self::MailRateLimited { request_id, .. }
            | Self::RateLimited { request_id, .. }
            | Self::Server { request_id, .. }
            | Self::Unexpected { request_id, .. } => request_id.as_deref(),
            Self::Transport(_) => None,
        }
    }
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::SupabaseAuthUnreachable,
    timeout: CauseCode::SupabaseAuthTimeout,
    connection_lost: CauseCode::SupabaseAuthConnectionLost,
    answer_too_large: CauseCode::SupabaseAuthAnswerTooLarge,
    bad_configuration: CauseCode::SupabaseAuthBadConfiguration,
};

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Transport(error) => return error.failure(&TRANSPORT),
            AuthError::EmailExists(_) => CauseCode::SupabaseAuthEmailExists,
            AuthError::EmailNotAuthorized(_) => CauseCode::SupabaseAuthEmailNotAuthorized,
            AuthError::InvalidEmail(_) => CauseCode::SupabaseAuthInvalidEmail,
            AuthError::MailRateLimited { .. } => CauseCode::SupabaseAuthMailLimit,
            AuthError::RateLimited { .. } => CauseCode::SupabaseAuthRateLimited,
            AuthError::MailFailed(_) => CauseCode::SupabaseAuthMailFailed,
            AuthError::Unauthorized(_) => CauseCode::SupabaseAuthUnauthorized,
            AuthError::Server { .. } => CauseCode::SupabaseAuthServerError,
            AuthError::Unexpected { .. } => CauseCode::SupabaseAuthUnexpectedAnswer,
        };
        Self::from(code).with_request_id(error.request_id())
    }
}
