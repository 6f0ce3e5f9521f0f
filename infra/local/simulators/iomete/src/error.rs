//! Errors in the specification's shape.

use axum::http::StatusCode;
use serde_json::{Value, json};

pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// What a request is answered with instead of what it asked for.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// 400: the request cannot be meant like this.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestException", message)
    }

    /// 401: no token, or not this one. Which of them is not told.
    pub(crate) fn not_authorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "NotAuthorizedException", "Not authorized to make this request")
    }

    /// 404: nothing has this path, or not with this method. The specification names no error for it.
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

    /// 422: a property is to be both set and removed.
    pub(crate) fn contradictory() -> Self {
        let message = "The request cannot be processed as there is a key present multiple times";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "UnprocessableEntityException", message)
    }

    /// 413, which the specification leaves to whatever stands in front of a catalog.
    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BadRequestException", "The request is too large")
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": { "message": self.message, "type": self.kind, "code": self.status.as_u16() } })
    }
}
