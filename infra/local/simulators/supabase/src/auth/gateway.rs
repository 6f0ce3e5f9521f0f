//! Who may pass: the gateway wants a key of this project, Auth's administrative endpoints a service role.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::AuthError;
use crate::calls::Endpoint;
use crate::keys::{JwtError, KeyKind};
use crate::project::{Project, Service, ServiceStatus};

/// The gateway's own refusals. Their bodies are not Auth's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("Project not found")]
    NoSuchProject,
    #[error("No API key found in request")]
    NoKey,
    #[error("Invalid API key")]
    WrongKey,
    #[error("Forbidden use of secret API key in browser")]
    SecretInBrowser,
    #[error("name resolution failed")]
    NotUp,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, hint) = match self {
            Self::NoSuchProject => (StatusCode::NOT_FOUND, None),
            Self::NoKey => (StatusCode::UNAUTHORIZED, Some("No `apikey` request header or url param was found.")),
            Self::WrongKey => {
                (StatusCode::UNAUTHORIZED, Some("Double check your Supabase `anon` or `service_role` API key."))
            }
            Self::SecretInBrowser => (
                StatusCode::UNAUTHORIZED,
                Some(
                    "Secret API keys can only be used in a protected environment and should never be used in a browser.",
                ),
            ),
            Self::NotUp => (StatusCode::SERVICE_UNAVAILABLE, None),
        };
        let mut body = json!({"message": self.to_string()});
        if let Some(hint) = hint {
            body["hint"] = json!(hint);
        }
        (status, Json(body)).into_response()
    }
}

/// The gateway: a known key, no secret key from a browser, and a service that is up.
pub(super) fn check(project: &Project, endpoint: Endpoint, headers: &HeaderMap) -> Result<(), Refusal> {
    // The link in a mail is opened by a browser that knows no key.
    if endpoint != Endpoint::Verify {
        let key = text(headers, "apikey").ok_or(Refusal::NoKey)?;
        let kind = project.keys().kind(key).ok_or(Refusal::WrongKey)?;
        let browser = text(headers, header::USER_AGENT.as_str()).is_some_and(|agent| agent.contains("Mozilla/"));
        if kind == KeyKind::Secret && browser {
            return Err(Refusal::SecretInBrowser);
        }
    }
    if project.service_status(Service::Auth) == ServiceStatus::ActiveHealthy { Ok(()) } else { Err(Refusal::NotUp) }
}

/// Auth: a bearer with the service role, for every endpoint but the three public ones.
pub(super) fn authorize(project: &Project, endpoint: Endpoint, headers: &HeaderMap) -> Result<(), AuthError> {
    if matches!(endpoint, Endpoint::AuthHealth | Endpoint::AuthSettings | Endpoint::Verify) {
        return Ok(());
    }
    let token = text(headers, header::AUTHORIZATION.as_str()).and_then(bearer).ok_or(AuthError::NoAuthorization)?;
    match project.keys().kind(token) {
        // Keys of the current kind are no tokens: they pass only as a copy of the `apikey` header.
        Some(KeyKind::Secret | KeyKind::Publishable) if text(headers, "apikey") != Some(token) => {
            Err(AuthError::BadJwt(JwtError::Segments))
        }
        Some(KeyKind::Secret) => Ok(()),
        Some(KeyKind::Publishable) => Err(AuthError::NotAdmin),
        Some(KeyKind::Legacy) | None => match project.keys().role(token).map_err(AuthError::BadJwt)?.as_str() {
            "service_role" | "supabase_admin" => Ok(()),
            _ => Err(AuthError::NotAdmin),
        },
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
