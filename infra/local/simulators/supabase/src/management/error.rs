//! What the Management API refuses, and the bodies it does so with.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use simulator::NotAnObject;

use crate::auth_config::Refused;
use crate::database::DatabaseError;

/// Why a request is refused. The texts are Supabase's where they are known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("Unauthorized")]
    Unauthorized,
    #[error("Your account does not have the necessary privileges to access this endpoint.")]
    Forbidden,
    #[error("Project not found")]
    ProjectNotFound,
    /// The text is not Supabase's.
    #[error("API key not found")]
    KeyNotFound,
    /// Neither the status nor the text is Supabase's.
    #[error("API key of that type and name already exists")]
    KeyNameTaken,
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Disallowed(String),
    #[error("Project with name '{0}' already exists in your organization.")]
    NameTaken(String),
    /// A setting that the free plan does not have. The text is a public report's.
    #[error("Configuring leaked password protection via HaveIBeenPwned.org is available on Pro Plans and up.")]
    PlanTooSmall,
    #[error("ThrottlerException: Too Many Requests")]
    Throttled,
    #[error("Failed to {action}")]
    Database { action: &'static str, source: DatabaseError },
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::Disallowed(_) => StatusCode::UNAUTHORIZED,
            Self::PlanTooSmall => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::ProjectNotFound | Self::KeyNotFound => StatusCode::NOT_FOUND,
            Self::Invalid(_) | Self::NameTaken(_) | Self::KeyNameTaken => StatusCode::BAD_REQUEST,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Database { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For `map_err`: names the action during which Postgres failed.
    pub(crate) fn during(action: &'static str) -> impl Fn(DatabaseError) -> Self {
        move |source| Self::Database { action, source }
    }
}

impl From<NotAnObject> for ApiError {
    fn from(NotAnObject(message): NotAnObject) -> Self {
        Self::Invalid(message)
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed(text) => Self::Invalid(text),
            Refused::NeedsSmtp(_) => Self::Disallowed(refused.to_string()),
        }
    }
}

impl From<serde_urlencoded::de::Error> for ApiError {
    fn from(error: serde_urlencoded::de::Error) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Database { action, source } = &self {
            tracing::error!(action, error = %source, "Postgres failed");
        }
        (self.status(), Json(json!({"message": self.to_string()}))).into_response()
    }
}
