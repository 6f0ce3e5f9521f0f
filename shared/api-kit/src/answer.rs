//! Successful answers.

use std::borrow::Cow;

use lambda_http::http::StatusCode;
use serde::Serialize;

/// A header's name and value.
pub type Header = (Cow<'static, str>, String);

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<Header>,
    /// JSON; absent with 204.
    pub(crate) body: Option<Vec<u8>>,
}

impl Answer {
    /// 200.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 201.
    #[must_use]
    pub fn created(body: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    /// 202: the request is stored and will be carried out. `location` is the path of its status.
    #[must_use]
    pub fn accepted(location: &str, body: &impl Serialize) -> Self {
        Self::json(StatusCode::ACCEPTED, body).with_header("location", location.to_owned())
    }

    /// 204.
    #[must_use]
    pub const fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: None }
    }

    /// 503 with the route's own body, for a route whose purpose is to report the health of another system.
    #[must_use]
    pub fn unavailable(body: &impl Serialize) -> Self {
        Self::json(StatusCode::SERVICE_UNAVAILABLE, body)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    /// Adds the version of the resource as a strong validator.
    #[must_use]
    pub fn with_version(self, version: i64) -> Self {
        self.with_header("etag", format!("\"{version}\""))
    }

    /// An answer that was stored for a repeated request.
    #[must_use]
    pub fn again(status: u16, headers: Vec<(String, String)>, body: Option<Vec<u8>>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { status, headers, body }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The headers, without those that every answer has.
    #[must_use]
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// The body as JSON. `None` with 204.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    pub(crate) fn raw(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self::raw(status, serde_json::to_vec(body).unwrap_or_default())
    }
}
