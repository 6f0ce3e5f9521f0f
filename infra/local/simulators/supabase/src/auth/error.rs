//! What Auth refuses, in the two forms that an error's body can have.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde_json::json;
use simulator::headers;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::keys::JwtError;
use crate::mail::MailError;

/// From this version on, `code` is the error code and the text is called `message`.
const DATED_ERRORS: Date = jiff::civil::date(2024, 1, 1);

/// Why a request is refused. The texts are recorded from Auth.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthError {
    #[error("This endpoint requires a valid Bearer token")]
    NoAuthorization,
    #[error("invalid JWT: unable to parse or verify signature, {0}")]
    BadJwt(JwtError),
    #[error("User not allowed")]
    NotAdmin,
    #[error("Could not parse request body as JSON: {0}")]
    BadJson(String),
    #[error("An email address is required")]
    EmailMissing,
    #[error("An email address is too long")]
    EmailTooLong,
    #[error("Unable to validate email address: invalid format")]
    EmailMalformed,
    #[error("A user with this email address has already been registered")]
    EmailExists,
    #[error("User not found")]
    UserNotFound,
    #[error("user_id must be an UUID")]
    UserIdMalformed,
    #[error("{0}")]
    Invalid(String),
    #[error("Email address {0:?} cannot be used as it is not authorized")]
    AddressNotAuthorized(String),
    #[error("email rate limit exceeded")]
    TooManyMails,
    #[error("For security purposes, you can only request this after {0} seconds.")]
    TooSoon(u64),
    #[error("Email link is invalid or has expired")]
    LinkExpired,
    #[error("User is banned")]
    Banned,
    #[error("Error sending invite email")]
    Mail(#[from] MailError),
    #[error("Error sending recovery email")]
    RecoveryMail(MailError),
    #[error("Database error")]
    Database(#[from] DatabaseError),
}

impl From<tokio_postgres::Error> for AuthError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl AuthError {
    pub(super) fn code(&self) -> &'static str {
        self.kind().1
    }

    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoAuthorization => (StatusCode::UNAUTHORIZED, "no_authorization"),
            Self::BadJwt(_) => (StatusCode::FORBIDDEN, "bad_jwt"),
            Self::NotAdmin => (StatusCode::FORBIDDEN, "not_admin"),
            Self::BadJson(_) => (StatusCode::BAD_REQUEST, "bad_json"),
            Self::EmailMissing | Self::EmailTooLong | Self::EmailMalformed | Self::Invalid(_) => {
                (StatusCode::BAD_REQUEST, "validation_failed")
            }
            Self::EmailExists => (StatusCode::UNPROCESSABLE_ENTITY, "email_exists"),
            Self::UserNotFound => (StatusCode::NOT_FOUND, "user_not_found"),
            Self::UserIdMalformed => (StatusCode::NOT_FOUND, "validation_failed"),
            Self::AddressNotAuthorized(_) => (StatusCode::BAD_REQUEST, "email_address_not_authorized"),
            Self::LinkExpired => (StatusCode::FORBIDDEN, "otp_expired"),
            Self::Banned => (StatusCode::FORBIDDEN, "user_banned"),
            Self::TooManyMails | Self::TooSoon(_) => (StatusCode::TOO_MANY_REQUESTS, "over_email_send_rate_limit"),
            Self::Mail(_) | Self::RecoveryMail(_) | Self::Database(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "unexpected_failure")
            }
        }
    }

    /// The response in the form that the client asked for.
    pub(super) fn answer(&self, dated: bool) -> Response {
        let (status, code) = self.kind();
        let mut body = if dated {
            json!({"code": code, "message": self.to_string()})
        } else {
            json!({"code": status.as_u16(), "error_code": code, "msg": self.to_string()})
        };
        if status.is_server_error() {
            let id = Uuid::new_v4();
            match self {
                Self::Mail(cause) | Self::RecoveryMail(cause) => {
                    tracing::warn!(error_id = %id, error = %cause, "mail not sent");
                }
                other => tracing::error!(error_id = %id, error = ?other, "Auth failed"),
            }
            if !dated {
                body["error_id"] = json!(id);
            }
        }
        (status, [("x-sb-error-code", HeaderValue::from_static(code))], Json(body)).into_response()
    }
}

impl IntoResponse for AuthError {
    /// Only carries the error to the gate, which writes the body.
    fn into_response(self) -> Response {
        let mut response = self.kind().0.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Whether `X-Supabase-Api-Version` asks for the form of 2024-01-01.
pub(super) fn wants_dated_errors(headers: &HeaderMap) -> bool {
    let version = headers::text(headers, "x-supabase-api-version");
    version.and_then(|version| version.parse::<Date>().ok()).is_some_and(|version| version >= DATED_ERRORS)
}
