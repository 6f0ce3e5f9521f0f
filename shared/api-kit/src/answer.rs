//! Successful answers.

use std::borrow::Cow;

use lambda_http::http::StatusCode;
use serde::Serialize;

use crate::{Conditions, Problem, precondition};

/// A header's name and value.
pub type Header = (Cow<'static, str>, String);

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<Header>,
    /// Text, mostly JSON; absent with 204 and 304.
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

    /// 200 with a page for a browser.
    #[must_use]
    pub fn page(html: &str) -> Self {
        let answer = Self::raw(StatusCode::OK, html.as_bytes().to_vec());
        answer.with_header("content-type", "text/html; charset=utf-8".to_owned())
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
        self.with_header("etag", precondition::etag(version))
    }

    /// This answer to a GET, with the version of the resource as a strong validator. 304 without a body if the caller has
    /// that version; 412 if it is none of those that the caller wants.
    pub fn of_version(self, version: i64, conditions: &Conditions) -> Result<Self, Problem> {
        if conditions.exclude(version) {
            return Err(Problem::version_mismatch());
        }
        if conditions.is_known(Some(version)) {
            let unchanged = Self { status: StatusCode::NOT_MODIFIED, headers: Vec::new(), body: None };
            return Ok(unchanged.with_version(version));
        }
        Ok(self.with_version(version))
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

    /// The body, mostly JSON. `None` with 204 and 304.
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
