//! Errors in Stripe's shape.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::model::Mode;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
    /// The id of the object that does not exist.
    missing: Option<String>,
    /// The header `Stripe-Should-Retry`, where Stripe sends one.
    pub(crate) should_retry: Option<bool>,
}

impl ApiError {
    /// 400.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
            missing: None,
            should_retry: None,
        }
    }

    /// 401: no key or a wrong one.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::invalid(message) }
    }

    /// 404: there is no such path.
    pub(crate) fn unrecognized_url(method: &str, path: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(format!("Unrecognized request URL ({method}: {path}).")) }
    }

    /// The object named by the path (404) or by a parameter (400) does not exist.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        let status = if param == "id" { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        let error = Self::invalid(format!("No such {what}: '{id}'")).code("resource_missing").param(param);
        Self { status, missing: Some(id.to_owned()), ..error }
    }

    /// Says that the missing object is one of the account's other mode, if `knows` does.
    pub(crate) fn of_other_mode(mut self, asked: Mode, other: Mode, knows: impl FnOnce(&str) -> bool) -> Self {
        if self.missing.as_deref().is_some_and(knows) {
            let (asked, other) = (asked.name(), other.name());
            let hint =
                format!("; a similar object exists in {other}, but a {asked} key was used to make this request.");
            self.message.push_str(&hint);
        }
        self
    }

    /// 400: parameters that this route does not have.
    pub(crate) fn unknown_parameters(names: &[String]) -> Self {
        let plural = if names.len() == 1 { "" } else { "s" };
        let message = format!("Received unknown parameter{plural}: {}", names.join(", "));
        Self::invalid(message).code("parameter_unknown").param(names.first().map_or("", String::as_str))
    }

    /// 400: the key was first used for another request.
    pub(crate) fn idempotency_mismatch(message: String) -> Self {
        Self { kind: "idempotency_error", ..Self::invalid(message) }
    }

    /// 409: the first request with this key is still running.
    pub(crate) fn idempotency_in_flight(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. Please try again later."
        );
        Self {
            status: StatusCode::CONFLICT,
            should_retry: Some(true),
            ..Self::invalid(message).code("idempotency_key_in_use")
        }
    }

    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(crate) fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = Map::new();
        if let Some(code) = self.code {
            let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
            error.insert("code".to_owned(), code.into());
            error.insert("doc_url".to_owned(), page.into());
        }
        error.insert("message".to_owned(), self.message.as_str().into());
        if let Some(param) = &self.param {
            error.insert("param".to_owned(), param.as_str().into());
        }
        error.insert("type".to_owned(), self.kind.into());
        json!({ "error": error })
    }
}
