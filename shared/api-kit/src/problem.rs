//! Errors as callers see them: RFC 9457 problems with a stable code.

use domain::FieldError;
use lambda_http::http::StatusCode;
use serde::Serialize;
use store::StoreError;

/// A problem, before it is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    /// Extra headers.
    headers: Vec<(&'static str, &'static str)>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 400: not JSON, or JSON with duplicate keys, NUL or unpaired surrogates.
    #[must_use]
    pub fn malformed_json(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not acceptable JSON", detail)
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Who is calling is not known",
            "A valid credential is required.",
        )
        .with_header("www-authenticate", "ApiKey realm=\"ivory-control-plane\"")
    }

    /// 403.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", "The caller may not use this route.")
    }

    /// 404.
    #[must_use]
    pub fn tenant_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "tenant_not_found", "No such tenant", "There is no tenant of that name.")
    }

    /// 409: the tenant is live already.
    #[must_use]
    pub fn tenant_active() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "tenant_active",
            "The tenant is live",
            "A tenant with this slug is already active.",
        )
    }

    /// 409: the slug belonged to a tenant that was switched off.
    #[must_use]
    pub fn tenant_deprovisioned() -> Self {
        let detail =
            "A tenant with this slug was deprovisioned; its resources are kept, so the slug cannot be used again.";
        Self::new(StatusCode::CONFLICT, "tenant_deprovisioned", "The tenant was deprovisioned", detail)
    }

    /// 409: a value that can no longer be another.
    #[must_use]
    pub fn immutable_field(field: &str, why: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "immutable_field",
            "A value can no longer be changed",
            format!("{field} cannot be changed: {why}."),
        )
    }

    /// 413.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is too large",
            "A request's body may be 256 KiB at most.",
        )
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let detail = "Send the body as application/json.";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The media type is not supported",
            detail,
        )
    }

    /// 422: every bad field at once.
    #[must_use]
    pub fn validation_failed(errors: Vec<FieldError>) -> Self {
        let fields = if errors.len() == 1 { "One field is" } else { "Some fields are" };
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "The request is not valid",
            format!("{fields} not valid; see errors."),
        );
        problem.errors = errors;
        problem
    }

    /// 422: a region that exists, but not in this installation.
    #[must_use]
    pub fn region_not_configured() -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "region_not_configured",
            "The region is not configured",
            "This installation does not serve that region.",
        );
        problem.errors = vec![FieldError {
            field: "region".to_owned(),
            message: "is not configured in this installation".to_owned(),
        }];
        problem
    }

    /// 500: a mistake of ours; what it was is in the log under the same request id.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side",
            "The request could not be served.",
        )
    }

    /// 503: something we depend on is down; nothing was changed.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not available right now",
            "The request could not be served right now; try again.",
        )
        .with_header("retry-after", "5")
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn headers(&self) -> &[(&'static str, &'static str)] {
        &self.headers
    }

    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Body {
            r#type: format!("urn:ivory-control-plane:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            errors: &self.errors,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// A constraint that a route gives a meaning of its own is matched there; whatever arrives here is ours or passing.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the control database did not do what was asked");
        match error {
            StoreError::Unavailable | StoreError::Refused | StoreError::Timeout | StoreError::Credentials(_) => {
                Self::unavailable()
            }
            StoreError::Taken { .. } | StoreError::Broken(_) => Self::internal(),
        }
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::validation_failed(errors)
    }
}
