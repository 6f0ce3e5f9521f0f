//! Answers that are no problems.

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::Serialize;

/// A successful answer with a JSON body.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// 200.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 202: it was understood and written down; `location` tells where to look for its outcome.
    #[must_use]
    pub fn accepted(location: &str, body: &impl Serialize) -> Self {
        Self::json(StatusCode::ACCEPTED, body).with_header("location", location.to_owned())
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, headers: Vec::new(), body: serde_json::to_vec(body).unwrap_or_default() }
    }
}

/// RFC 3339 in UTC with `Z` and six fixed digits.
#[must_use]
pub fn timestamp(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn six_digits_always() {
        let at = "2026-03-24T10:00:00Z".parse().expect("a timestamp");
        assert_eq!(timestamp(at), "2026-03-24T10:00:00.000000Z");
    }
}
