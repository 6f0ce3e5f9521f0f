//! Errors in the specification's shape.

use std::fmt::Display;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// 400.
    pub(crate) fn bad_request(what: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestException", format!("Malformed request: {what}"))
    }

    /// 401: no token or a wrong one. The answer does not tell which.
    pub(crate) fn not_authorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "NotAuthorizedException", "Not authorized to make this request")
    }

    /// 404: the path does not exist, or not with this method. The specification names no error for it.
    pub(crate) fn no_route(method: &str, path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFoundException", format!("No route for request: {method} {path}"))
    }

    pub(crate) fn no_such_warehouse() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchWarehouseException", "The given warehouse does not exist")
    }

    pub(crate) fn no_such_namespace() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchNamespaceException", "The given namespace does not exist")
    }

    pub(crate) fn namespace_exists() -> Self {
        Self::new(StatusCode::CONFLICT, "AlreadyExistsException", "The given namespace already exists")
    }

    pub(crate) fn namespace_not_empty() -> Self {
        Self::new(StatusCode::CONFLICT, "NamespaceNotEmptyException", "The given namespace is not empty")
    }

    pub(crate) fn no_such_table() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchTableException", "The given table does not exist")
    }

    pub(crate) fn table_exists() -> Self {
        Self::new(StatusCode::CONFLICT, "AlreadyExistsException", "The given table already exists")
    }

    /// 422: the request both sets and removes a property.
    pub(crate) fn contradictory() -> Self {
        let message = "The request cannot be processed as there is a key present multiple times";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "UnprocessableEntityException", message)
    }

    /// 413. The specification does not define it, because a gateway in front of a catalog decides.
    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BadRequestException", "The request is too large")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = json!({ "message": self.message, "type": self.kind, "code": self.status.as_u16() });
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}
