//! What all endpoints check first: the gateway requires a key of this project, Auth a service role for administration.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use simulator::headers::{bearer, text};

use super::error::{AuthError, wants_dated_errors};
use crate::calls::Endpoint;
use crate::keys::{JwtError, KeyKind};
use crate::project::Project;
use crate::routes::Route;
use crate::service::{Service, ServiceStatus};

/// The gateway's own refusals. Their bodies are not Auth's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("Project not found")]
    NoSuchProject,
    #[error("No API key found in request")]
    NoKey,
    #[error("Invalid API key")]
    WrongKey,
    /// The text is a public report's.
    #[error("Legacy API keys are disabled")]
    DisabledKey,
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
            Self::DisabledKey => (
                StatusCode::UNAUTHORIZED,
                Some("Re-enable them in the Supabase dashboard, or use the new publishable and secret API keys."),
            ),
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

pub(super) async fn pass(route: Route, parameters: RawPathParams, mut request: Request, next: Next) -> Response {
    let Route { cloud, endpoint } = route;
    let reference = parameters.iter().find(|(name, _)| *name == "ref").map(|(_, reference)| reference);
    let Some(project) = reference.and_then(|reference| cloud.find(reference)) else {
        return Refusal::NoSuchProject.into_response();
    };
    if let Err(refused) = check(&project, endpoint, request.headers()) {
        return refused.into_response();
    }
    let dated = wants_dated_errors(request.headers());
    if let Err(refused) = authorize(&project, endpoint, request.headers()) {
        return refused.answer(dated);
    }
    cloud.calls.count(&project.reference, endpoint);
    request.extensions_mut().insert(project);
    let mut response = next.run(request).await;
    // A handler leaves its error here, because the form of the body depends on the request's headers.
    match response.extensions_mut().remove::<Arc<AuthError>>() {
        Some(error) => error.answer(dated),
        None => response,
    }
}

/// The gateway requires a key of this project, no secret key from a browser, and that Auth is up.
fn check(project: &Project, endpoint: Endpoint, headers: &HeaderMap) -> Result<(), Refusal> {
    // A browser that opens the link in a mail has no key. In Supabase's own gateway (docker/volumes/api/kong.yml) this path
    // is open for all methods.
    if endpoint != Endpoint::Verify {
        let key = text(headers, "apikey").ok_or(Refusal::NoKey)?;
        let kind = project.keys().kind(key).ok_or(Refusal::WrongKey)?;
        if kind == KeyKind::DisabledLegacy {
            return Err(Refusal::DisabledKey);
        }
        let browser = text(headers, "user-agent").is_some_and(|agent| agent.contains("Mozilla/"));
        if kind == KeyKind::Secret && browser {
            return Err(Refusal::SecretInBrowser);
        }
    }
    if project.service_status(Service::Auth) == ServiceStatus::ActiveHealthy { Ok(()) } else { Err(Refusal::NotUp) }
}

/// Auth requires a bearer token with the service role for all but the public endpoints.
fn authorize(project: &Project, endpoint: Endpoint, headers: &HeaderMap) -> Result<(), AuthError> {
    if matches!(endpoint, Endpoint::AuthHealth | Endpoint::AuthSettings | Endpoint::Verify | Endpoint::Recover) {
        return Ok(());
    }
    let token = bearer(headers).ok_or(AuthError::NoAuthorization)?;
    match project.keys().kind(token) {
        // Keys of the current kind are no tokens. They are accepted only as a copy of the `apikey` header.
        Some(KeyKind::Secret | KeyKind::Publishable) if text(headers, "apikey") != Some(token) => {
            Err(AuthError::BadJwt(JwtError::Segments))
        }
        Some(KeyKind::Secret) => Ok(()),
        Some(KeyKind::Publishable) => Err(AuthError::NotAdmin),
        // Auth checks a token's signature only. The gateway has refused a disabled key before.
        Some(KeyKind::Legacy | KeyKind::DisabledLegacy) | None => {
            match project.keys().role(token).map_err(AuthError::BadJwt)?.as_str() {
                "service_role" | "supabase_admin" => Ok(()),
                _ => Err(AuthError::NotAdmin),
            }
        }
    }
}
