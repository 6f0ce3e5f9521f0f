//! A problem (RFC 9457), as the API answers it.

use std::time::Duration;

use domain::{FieldError, ProblemCode};
use serde_json::Value;
use url::Url;

use super::Answer;
use crate::output::plain;

/// The most that is shown of a text.
const LONGEST: usize = 4000;

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
    /// When another try makes sense, if the answer says that one does.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// Reads an answer. Something in between may have answered in the API's place: then there is no code.
    pub fn of(answer: &Answer, url: &Url) -> Self {
        Self::read(answer).unwrap_or_else(|| Self {
            status: answer.status,
            code: String::new(),
            detail: format!("{url} answered {}, not as this API does: is it the API's URL?", answer.status),
            errors: Vec::new(),
            request_id: answer.request_id().map(plain),
            retry_after: answer.retry_after(),
        })
    }

    /// Reads an answer's body. `None` if it is no problem of this API.
    pub fn read(answer: &Answer) -> Option<Self> {
        let body: Value = serde_json::from_str(answer.text()).ok()?;
        let text = |value: &Value| value.as_str().map(|text| plain(&text.chars().take(LONGEST).collect::<String>()));
        let errors = body["errors"].as_array().into_iter().flatten();
        let errors = errors
            .filter_map(|error| Some(FieldError { field: text(&error["field"])?, message: text(&error["message"])? }));
        Some(Self {
            status: answer.status,
            code: text(&body["code"])?,
            detail: text(&body["detail"])?,
            errors: errors.collect(),
            request_id: text(&body["request_id"]),
            retry_after: answer.retry_after(),
        })
    }

    /// Whether the same request may be served later, without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 429 | 503) || (self.status == 409 && self.retry_after.is_some())
    }

    /// What to do about it: with this program, or else as the API puts it. `None`: this release does not know the code.
    pub fn how(&self) -> Option<&'static str> {
        Some(match self.code.as_str() {
            "unauthenticated" => "ivory login, or look at IVORY_API_KEY and IVORY_TOKEN",
            "forbidden" => "ivory auth check says what these credentials may do",
            "tenant_not_found" => "ivory tenant list --search TEXT finds it",
            "tenant_active" => "ivory tenant update changes a tenant that is live",
            "tenant_deprovisioned" => "ivory tenant restore brings it back",
            "tenant_held" => "ivory tenant get shows the hold, ivory tenant release ends it",
            "retrieval_period" => "ivory purge plan says when it is over, and what it needs before",
            "purge_in_progress" | "purge_not_waiting" => "ivory purge get shows how far it is",
            "purge_not_found" => "ivory purge start asks for one",
            "tenant_purged" => "ivory purge get shows its certificate",
            "same_consumer" => "ivory purge approve with another consumer's key",
            "tenant_not_active" => "ivory tenant watch, and the same command once it is active",
            "catalog_not_found" | "no_active_catalog" => "ivory catalog set makes one",
            "version_mismatch" => "the same command: it reads the newest version",
            "request_in_progress" | "operation_in_progress" => "the same command in a moment",
            code => ProblemCode::ALL.iter().find(|known| known.as_str() == code)?.how(),
        })
    }
}
