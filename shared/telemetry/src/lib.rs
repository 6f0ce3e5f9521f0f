//! JSON logs: one line an event, with its request's ids. `LogFormat: JSON` of the Lambda service wraps what a function
//! prints; it does not make JSON of it, so that is done here.
//!
//! Never logged: credentials (they are `SecretString`s, which print as `[REDACTED]`), bodies of requests and answers,
//! and texts of outside systems.

use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Crates of ours that log. Nobody else's may say more than warnings, whatever the level: the AWS SDK logs requests with
/// their bodies at `trace`, and a new secret is one.
const OURS: [&str; 21] = [
    "api_kit",
    "authorize_caller",
    "billing",
    "callers",
    "check_lakehouse_health",
    "deactivate_tenant",
    "executions",
    "idempotency",
    "invalidate_tenant_cache",
    "migrate_control",
    "outbox",
    "pipeline",
    "provision_tenant",
    "reconcile_tenants",
    "record_failure",
    "secrets",
    "step_kit",
    "store",
    // The spans, which carry the ids.
    "telemetry",
    "update_tenant",
    "upsert_catalog",
];

/// Starts logging to standard output; `LOG_LEVEL` is the level of our own lines and defaults to `info`.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|text| text.parse::<LevelFilter>().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    let filter = OURS.iter().fold("warn".to_owned(), |filter, ours| format!("{filter},{ours}={level}"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(EnvFilter::new(filter))
        .init();
}

/// The span of one request or invocation: every line inside carries these ids.
#[must_use]
pub fn request_span(function: &str, request_id: &str) -> Span {
    tracing::info_span!(
        "request",
        function,
        request_id,
        correlation_id = tracing::field::Empty,
        tenant_id = tracing::field::Empty,
        attempt = tracing::field::Empty
    )
}

/// A caller's correlation id, if it is one: at most 128 of `[A-Za-z0-9._-]`.
#[must_use]
pub fn correlation_id(text: &str) -> Option<&str> {
    let valid =
        (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    valid.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::correlation_id;

    #[test]
    fn correlation_ids_fit_a_log_line() {
        assert_eq!(correlation_id("a-B.9_"), Some("a-B.9_"));
        for bad in ["", "a b", "a\n", "ü", &"a".repeat(129)] {
            assert_eq!(correlation_id(bad), None);
        }
    }
}
