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

    /// How long from now another try makes sense. A header that cannot be read says that there may be one, but not when.
    pub fn retry_after(&self) -> Option<Duration> {
        let header = self.header(&RETRY_AFTER)?;
        let seconds = || header.parse().ok().map(Duration::from_secs);
        let until = || {
            let moment = rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
            let now = self.date().unwrap_or_else(Timestamp::now);
            Some(moment.duration_since(now).try_into().unwrap_or_default())
        };
        Some(seconds().or_else(until).unwrap_or_default())
    }

    /// The server's clock.
    pub fn date(&self) -> Option<Timestamp> {
        rfc2822::DateTimeParser::new().parse_timestamp(self.header(&DATE)?).ok()
    }

    /// Where the next page begins: the `cursor` of the link whose relation is `next`.
    pub fn next_page(&self) -> Option<String> {
        let links = self.header(&LINK)?.split(',').map(str::trim);
        let mut targets = links.filter_map(|link| {
            let (target, relation) = link.strip_prefix('<')?.split_once('>')?;
            relation.split(';').any(|it| matches!(it.trim(), "rel=\"next\"" | "rel=next")).then_some(target)
        });
        let query = targets.next()?.split_once('?')?.1;
        let mut fields = url::form_urlencoded::parse(query.as_bytes());
        fields.find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> Answer {
        Answer::new(200, HeaderMap::from_iter([(name, HeaderValue::from_static(value))]), String::new())
    }

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let after = |value| with(RETRY_AFTER, value).retry_after();
        assert_eq!(after("5"), Some(Duration::from_secs(5)));
        assert_eq!(after("soon"), Some(Duration::ZERO));
        assert_eq!(after("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        let mut answer = with(RETRY_AFTER, "Sat, 28 Nov 2026 12:00:05 GMT");
        answer.headers.insert(DATE, HeaderValue::from_static("Sat, 28 Nov 2026 12:00:00 GMT"));
        assert_eq!(answer.retry_after(), Some(Duration::from_secs(5)));
    }

    #[test]
    fn of_several_links_the_next_one_is_followed() {
        let next = |value| with(LINK, value).next_page();
        assert_eq!(next(r#"</v1/x?limit=2&cursor=a%2Bb>; rel="next""#).as_deref(), Some("a+b"));
        assert_eq!(next(r#"</v1/x?cursor=p>; rel="prev", </v1/x?cursor=n>; rel="next""#).as_deref(), Some("n"));
        assert_eq!(next(r#"</v1/x?cursor=p>; rel="prev""#), None);
    }
}
