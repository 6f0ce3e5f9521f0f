//! What was done under an `Idempotency-Key`.
//!
//! Stripe remembers the first status and body once execution has begun, even a 500. It remembers nothing if it refused
//! the request before that. <https://docs.stripe.com/api/idempotent_requests>

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde_json::Value;

use crate::error::ApiError;

/// The longest key Stripe takes.
const MAX_KEY_CHARS: usize = 255;

/// One answer, as it is sent and as it is remembered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) should_retry: Option<bool>,
    /// The id of the request that was executed, if this answer repeats its result.
    pub(crate) original_request: Option<String>,
}

impl From<Result<Value, ApiError>> for Answer {
    fn from(result: Result<Value, ApiError>) -> Self {
        let (status, body, should_retry) = match result {
            Ok(body) => (StatusCode::OK, body, None),
            Err(error) => (error.status, error.body(), error.should_retry),
        };
        Self { status, body, should_retry, original_request: None }
    }
}

/// What must be the same when a key is used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    path: String,
    params: Vec<(String, String)>,
}

impl Fingerprint {
    pub(crate) fn new(path: &str, form: &[u8]) -> Self {
        let mut params: Vec<_> = url::form_urlencoded::parse(form).into_owned().collect();
        params.sort();
        Self { path: path.to_owned(), params }
    }
}

#[derive(Debug)]
struct Record {
    request: Fingerprint,
    since: Instant,
    /// `None` while the first request is running.
    done: Option<Answer>,
}

#[derive(Debug)]
pub(crate) struct Keys {
    ttl: Duration,
    records: Mutex<HashMap<String, Record>>,
}

pub(crate) enum Claim {
    /// The caller executes the request and then calls [`Keys::complete`].
    Fresh,
    /// It was executed before.
    Replay(Answer),
}

impl Keys {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, records: Mutex::default() }
    }

    pub(crate) fn claim(&self, key: &str, request: Fingerprint) -> Result<Claim, ApiError> {
        if key.chars().count() > MAX_KEY_CHARS {
            return Err(ApiError::invalid(format!("Idempotency keys can be at most {MAX_KEY_CHARS} characters long.")));
        }
        let mut records = self.records.lock();
        records.retain(|_, record| record.done.is_none() || record.since.elapsed() < self.ttl);
        match records.get(key) {
            None => {
                let record = Record { request, since: Instant::now(), done: None };
                records.insert(key.to_owned(), record);
                Ok(Claim::Fresh)
            }
            Some(Record { done: None, .. }) => Err(ApiError::idempotency_in_flight(key)),
            Some(Record { done: Some(answer), request: first, .. }) if *first == request => {
                Ok(Claim::Replay(answer.clone()))
            }
            Some(Record { request: first, .. }) => Err(mismatch(key, first, &request)),
        }
    }

    pub(crate) fn complete(&self, key: &str, answer: Answer) {
        if let Some(record) = self.records.lock().get_mut(key) {
            record.done = Some(answer);
        }
    }
}

fn mismatch(key: &str, first: &Fingerprint, now: &Fingerprint) -> ApiError {
    let what = if first.path == now.path {
        "with the same parameters they were first used with".to_owned()
    } else {
        format!("for the same endpoint they were first used for ('{}')", first.path)
    };
    ApiError::idempotency_mismatch(format!(
        "Keys for idempotent requests can only be used {what}. Try using a key other than '{key}' if you meant to \
         execute a different request."
    ))
}
