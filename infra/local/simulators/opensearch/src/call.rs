//! One request, read completely.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};

use crate::error::{Problem, Result};
use crate::settings::{no_duration, parse_duration};

/// Parameters every endpoint takes. None of them changes what an answer means.
const EVERYWHERE: &[&str] = &["error_trace", "human", "pretty"];

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// As sent, still percent-encoded.
    pub(crate) path: String,
    pub(crate) segments: Vec<String>,
    query: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Self> {
        check_content_type(headers, &body)?;
        let segments = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        Ok(Self { method, path: path.to_owned(), segments, query, body })
    }

    /// Refuses every parameter that is not among these.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<()> {
        let known = |name: &str| allowed.contains(&name) || EVERYWHERE.contains(&name);
        match self.query.iter().find(|(name, _)| !known(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let reason = format!("request [{}] contains unrecognized parameter: [{name}]", self.path);
                Err(Problem::illegal_argument(reason))
            }
        }
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>> {
        let Some(text) = self.param(name) else { return Ok(None) };
        parse_duration(text).map(Some).ok_or_else(|| no_duration(name, text))
    }
}

fn check_content_type(headers: &HeaderMap, body: &Bytes) -> Result<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if body.is_empty() || matches!(media_type, "application/json" | "application/x-ndjson") {
        return Ok(());
    }
    Err(Problem::sentence(406, format!("Content-Type header [{given}] is not supported")))
}

fn decode(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| segment.get(at + 1..at + 3)).flatten();
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
