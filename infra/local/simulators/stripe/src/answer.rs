//! One answer, as it is sent and as it is remembered.

use axum::http::StatusCode;
use serde_json::Value;

use crate::error::ApiError;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) should_retry: Option<bool>,
    /// The id of the request that was executed, where this answer repeats its result.
    pub(crate) original_request: Option<String>,
}

impl Answer {
    pub(crate) fn of(result: Result<Value, ApiError>) -> Self {
        let (status, body, should_retry) = match result {
            Ok(body) => (StatusCode::OK, body, None),
            Err(error) => (error.status, error.body(), error.should_retry),
        };
        Self { status, body, should_retry, original_request: None }
    }
}
