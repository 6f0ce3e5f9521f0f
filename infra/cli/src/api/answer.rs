//! An answer that is no problem.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, ETAG, HeaderMap, HeaderName, LINK, RETRY_AFTER};
use serde_json::Value;

use crate::error::Error;

/// What the API answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    pub fn new(status: u16, headers: HeaderMap, body: String) -> Self {
        Self { status, headers, body }
    }

    /// The body.
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_str(&self.body)
            .map_err(|_| Error::Unforeseen(format!("the answer ({}) is not JSON: is this the API's URL?", self.status)))
    }

    /// The body as it came.
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The request's id in the installation's log.
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The version of what was read.
    pub fn etag(&self) -> Option<&str> {
        self.header(&ETAG)
    }

    /// When another try makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(&RETRY_AFTER)?.parse().ok().map(Duration::from_secs)
    }

    /// The server's clock.
    pub fn date(&self) -> Option<Timestamp> {
        rfc2822::DateTimeParser::new().parse_timestamp(self.header(&DATE)?).ok()
    }

    /// The query of the next page.
    pub fn next_page(&self) -> Option<Vec<(String, String)>> {
        let (target, relation) = self.header(&LINK)?.strip_prefix('<')?.split_once('>')?;
        let (_, query) = target.split_once('?').filter(|_| relation.contains("rel=\"next\""))?;
        Some(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }
}
