//! A problem (RFC 9457), as the API answers it.

use domain::{FieldError, ProblemCode};
use serde_json::Value;

use crate::output::plain;

/// Why the API did not serve a request.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Its code in `functions/api/ERRORS.md`.
    pub code: String,
    /// What it was this time.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// The request's id in the installation's log.
    pub request_id: Option<String>,
}

impl Problem {
    /// Reads an answer's body. `None` if it is no problem of this API: something in between has answered.
    pub fn read(status: u16, body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let text = |value: &Value| value.as_str().map(plain);
        let errors = body["errors"].as_array().into_iter().flatten();
        let errors = errors
            .filter_map(|error| Some(FieldError { field: text(&error["field"])?, message: text(&error["message"])? }));
        Some(Self {
            status,
            code: text(&body["code"])?,
            detail: text(&body["detail"])?,
            errors: errors.collect(),
            request_id: text(&body["request_id"]),
        })
    }

    /// What to do about it, if this release knows the code.
    pub fn how(&self) -> Option<&'static str> {
        ProblemCode::ALL.iter().find(|known| known.as_str() == self.code).map(|known| known.how())
    }
}
