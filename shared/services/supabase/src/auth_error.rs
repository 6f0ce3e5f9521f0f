//! Errors of a project's Auth, distinguished by its stable error codes.

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

use crate::error::RequestId;

/// A failed call of a project's Auth.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There was no answer.
    #[error("Supabase Auth: {0}")]
    Transport(#[from] TransportError),
    /// A user with this address exists and has confirmed it. No mail was sent.
    #[error("Supabase Auth: a confirmed user has this address")]
    EmailExists(RequestId),
    /// The project has no own mail server, and the built-in one mails only to the organisation's team.
    #[error("Supabase Auth: mail to this address is not allowed")]
    EmailNotAuthorized(RequestId),
    /// Auth does not accept this as an e-mail address.
    #[error("Supabase Auth: not an e-mail address")]
    InvalidEmail(RequestId),
    /// The project's mails of this hour are used up.
    #[error("Supabase Auth: too many mails")]
    MailRateLimited(RequestId),
    /// Too many calls.
    #[error("Supabase Auth: too many requests")]
    RateLimited(RequestId),
    /// The invitation failed inside Auth. The reason is nearly always a mail server that refuses the mail. Auth rolls
    /// back the user that it had created.
    #[error("Supabase Auth: the mail could not be sent")]
    MailFailed(RequestId),
    /// The secret key is not accepted.
    #[error("Supabase Auth: the secret key is not accepted")]
    Unauthorized(RequestId),
    /// A 5xx from Auth or from the gateway in front of it.
    #[error("Supabase Auth: server error (status {status})")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
    /// Anything that is not documented, also a success.
    #[error("Supabase Auth: an unexpected answer (status {status})")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// The request's id.
        request_id: RequestId,
    },
}

/// The body of Auth's refusals since API version 2024-01-01. A 5xx and the gateway's own answers may have any body.
#[derive(Deserialize)]
struct AuthRefusal {
    code: String,
}

/// Auth's code of an error, from the header or from the body. The code is stable; texts and statuses have changed.
pub(crate) fn code_of(answer: &Answer) -> Option<String> {
    let header = answer.header("x-sb-error-code").map(str::to_owned);
    header.or_else(|| answer.json::<AuthRefusal>().map(|refusal| refusal.code))
}

impl AuthError {
    /// The error that an unsuccessful answer stands for.
    pub(crate) fn of(answer: &Answer) -> Self {
        let request_id = RequestId::of(answer);
        let status = answer.status.as_u16();
        match (code_of(answer).as_deref(), status) {
            (Some("email_exists" | "user_already_exists"), _) => Self::EmailExists(request_id),
            (Some("email_address_not_authorized"), _) => Self::EmailNotAuthorized(request_id),
            // The hosted platform uses the second code for example and test domains.
            (Some("validation_failed" | "email_address_invalid"), _) => Self::InvalidEmail(request_id),
            (Some("over_email_send_rate_limit"), _) => Self::MailRateLimited(request_id),
            (Some("no_authorization" | "bad_jwt" | "not_admin"), _) | (_, 401 | 403) => Self::Unauthorized(request_id),
            (_, 429) => Self::RateLimited(request_id),
            (_, 500..600) => Self::Server { status, request_id },
            (_, _) => Self::Unexpected { status, request_id },
        }
    }

    /// Supabase's id of the request, if the answer had one.
    fn request_id(&self) -> Option<&str> {
        match self {
            Self::EmailExists(request_id)
            | Self::EmailNotAuthorized(request_id)
            | Self::InvalidEmail(request_id)
            | Self::MailFailed(request_id)
            | Self::Unauthorized(request_id)
            | Self::MailRateLimited(request_id)
            | Self::RateLimited(request_id)
            | Self::Server { request_id, .. }
            | Self::Unexpected { request_id, .. } => request_id.as_deref(),
            Self::Transport(_) => None,
        }
    }
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::SupabaseAuthUnreachable,
    untrusted: CauseCode::SupabaseAuthUntrusted,
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
            AuthError::MailRateLimited(_) => CauseCode::SupabaseAuthMailLimit,
            AuthError::RateLimited(_) => CauseCode::SupabaseAuthRateLimited,
            AuthError::MailFailed(_) => CauseCode::SupabaseAuthMailFailed,
            AuthError::Unauthorized(_) => CauseCode::SupabaseAuthUnauthorized,
            AuthError::Server { .. } => CauseCode::SupabaseAuthServerError,
            AuthError::Unexpected { .. } => CauseCode::SupabaseAuthUnexpectedAnswer,
        };
        Self::from(code).with_request_id(error.request_id())
    }
}
