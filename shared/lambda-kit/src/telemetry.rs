//! JSON logs: one line per event, with the release and the ids of its request. (`LogFormat: JSON` of the Lambda service only wraps the
//! lines that a function prints. It does not turn them into JSON.)
//!
//! Credentials, bodies of requests and answers, and texts of outside systems are never logged. Credentials are
//! `SecretString`s, which print as `[REDACTED]`.
//!
//! The levels: `error` is for what somebody must look at, `warn` for trouble that is retried or that the caller was told,
//! `info` for what happened, a refused request included, and `debug` for what machines ask all the time.

use std::io;
use std::panic::{self, PanicHookInfo};

use domain::{Run, word};
use tracing::field::display;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Span};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::lines::Lines;
use crate::settings::Settings;

pub(crate) const LOG_LEVEL: &str = "LOG_LEVEL";

/// Starts logging to standard output. `LOG_LEVEL` is the level of our own crates. The default is `info`.
pub(crate) fn init(settings: &Settings) {
    let level = settings.read(LOG_LEVEL, Some("info")).unwrap_or(LevelFilter::INFO);
    lines(level, io::stdout).init();
    // Inside the span of the invocation. Text on standard error would have none of its ids.
    panic::set_hook(Box::new(log_panic));
}

/// The log at this level, to be written elsewhere.
#[must_use]
pub fn lines(
    level: LevelFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> impl SubscriberInitExt {
    let wanted = move |place: &Metadata<'_>| is_wanted(place, level);
    registry().with(Lines { writer, wanted, most: level.max(LevelFilter::WARN) })
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    tracing::error!(text = panic.payload_as_str(), at = panic.location().map(display), "panicked");
}

/// Our own crates log at `level`. All other crates log warnings at most, at every level: the AWS SDK logs requests with
/// their bodies, and such a body may contain a new secret.
///
/// What the runtime says of a handler that failed or panicked is left out. It says so outside the invocation's span, and
/// calls everything an error, such as the authorizer's answer that somebody is nobody. Our functions say it themselves.
fn is_wanted(event: &Metadata<'_>, level: LevelFilter) -> bool {
    let level = if is_ours(event.file()) { level } else { LevelFilter::WARN };
    *event.level() <= level && event.target() != HANDLERS_END
}

/// The module of the runtime that says how a handler ended.
const HANDLERS_END: &str = "lambda_runtime::layers::panic";

/// Cargo compiles the crates of a workspace with paths relative to its root, and all others with absolute paths.
fn is_ours(file: Option<&str>) -> bool {
    file.is_some_and(|file| file.starts_with("shared/") || file.starts_with("functions/"))
}

/// The span of one request or invocation: every line inside contains what is known of these.
#[must_use]
pub fn request_span(function: &str, request_id: &str) -> Span {
    tracing::info_span!(
        "request",
        function,
        request_id,
        correlation_id = tracing::field::Empty,
        method = tracing::field::Empty,
        path = tracing::field::Empty,
        caller = tracing::field::Empty,
        slug = tracing::field::Empty,
        tenant_id = tracing::field::Empty,
        attempt = tracing::field::Empty
    )
}

/// Writes into a span which run its lines belong to.
pub fn name_run(span: &Span, run: &Run) {
    span.record("tenant_id", display(run.tenant_id)).record("attempt", run.attempt);
    span.record("slug", run.slug.as_deref()).record("correlation_id", run.correlation_id.as_deref());
}

/// Logs trouble with another system: a warning if it passes by itself, and an error if somebody has to mend it.
#[macro_export]
macro_rules! trouble {
    ($failure:expr, $($rest:tt)+) => {
        if $failure.kind().is_retried() {
            ::tracing::warn!(code = $failure.code().as_str(), $($rest)+)
        } else {
            ::tracing::error!(code = $failure.code().as_str(), $($rest)+)
        }
    };
}

/// A caller's correlation id, if it is valid: at most 128 of `[A-Za-z0-9._-]`.
#[must_use]
pub fn correlation_id(text: &str) -> Option<&str> {
    word(text)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    /// What is logged meanwhile.
    fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<Value> {
        #[derive(Clone, Default)]
        struct Written(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Written {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("not poisoned").write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Written::default();
        let writer = written.clone();
        let guard = lines(level, move || writer.clone()).set_default();
        work();
        drop(guard);
        let bytes = written.0.lock().expect("not poisoned").clone();
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[test]
    fn a_panic_is_one_line_with_the_ids_of_its_run() {
        let before = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        let run = Run {
            tenant_id: domain::TenantId("01900000-0000-7000-8000-000000000000".parse().expect("a UUID")),
            attempt: 2,
            slug: Some("acme".to_owned()),
            correlation_id: Some("caller-1".to_owned()),
        };
        let lines = logged(LevelFilter::INFO, || {
            let span = request_span("step-1", "lambda-1");
            name_run(&span, &run);
            let _ = span.in_scope(|| panic::catch_unwind(|| panic!("no {}", "way\nout")));
        });
        panic::set_hook(before);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(
            (&line["level"], &line["message"], &line["text"]),
            (&json!("ERROR"), &json!("panicked"), &json!("no way\nout"))
        );
        let span = json!({
            "name": "request", "function": "step-1", "request_id": "lambda-1", "correlation_id": "caller-1", "attempt": 2,
            "slug": "acme", "tenant_id": "01900000-0000-7000-8000-000000000000",
        });
        assert_eq!(line["span"], span);
    }

    #[test]
    fn the_runtimes_word_on_how_a_handler_ended_is_left_out() {
        let lines = logged(LevelFilter::DEBUG, || {
            tracing::error!(target: "lambda_runtime::layers::panic", "Unauthorized(Key)");
            tracing::error!(target: "lambda_runtime::layers::api_response", "cannot be read");
            tracing::debug!("ours");
        });
        let said: Vec<_> = lines.iter().map(|line| line["message"].as_str()).collect();
        assert_eq!(said, [Some("cannot be read"), Some("ours")]);
    }

    /// What is said later of a span is in the lines after it, and replaces what was said before.
    #[test]
    fn a_line_has_the_fields_of_its_event_and_of_its_span() {
        let lines = logged(LevelFilter::INFO, || {
            let span = request_span("get-tenant", "lambda \"1\"");
            span.record("slug", "acme");
            span.in_scope(|| tracing::info!(status = 200, code = None::<&str>, share = 0.5, "answered"));
            span.record("slug", "acme-2").record("attempt", -1).record("path", display("/é\u{1}"));
            span.in_scope(|| tracing::warn!(on = true, many = u64::MAX, what = ?Some("x"), "late"));
            tracing::info!("outside");
        });
        let times = lines.iter().map(|line| line["timestamp"].as_str().expect("a time").ends_with('Z'));
        assert_eq!(times.collect::<Vec<_>>(), [true; 3]);
        let span = json!({ "name": "request", "function": "get-tenant", "request_id": "lambda \"1\"" });
        let with = |more: Value| {
            let mut all = span.clone();
            all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            all
        };
        let expected = [
            json!({ "level": "INFO", "message": "answered", "status": 200, "share": 0.5, "span": with(json!({ "slug": "acme" })) }),
            json!({
                "level": "WARN", "message": "late", "on": true, "many": u64::MAX, "what": "Some(\"x\")",
                "span": with(json!({ "slug": "acme-2", "attempt": -1, "path": "/é\u{1}" })),
            }),
            json!({ "level": "INFO", "message": "outside" }),
        ];
        for (mut line, expected) in lines.into_iter().zip(expected) {
            line.as_object_mut().expect("an object").remove("timestamp");
            let version = line.as_object_mut().expect("an object").remove("version");
            assert_eq!((line, version), (expected, Some(json!(crate::VERSION))));
        }
    }

    #[test]
    fn trouble_that_passes_is_a_warning() {
        let levels = |code: domain::CauseCode| {
            let failure = domain::Failure::from(code);
            logged(LevelFilter::INFO, || crate::trouble!(failure, more = 1, "not done"))[0]["level"].clone()
        };
        assert_eq!(levels(domain::CauseCode::IdempotencyUnavailable), "WARN");
        assert_eq!(levels(domain::CauseCode::IdempotencyForbidden), "ERROR");
    }

    #[test]
    fn our_own_crates_are_recognized_by_their_source_paths() {
        assert!(is_ours(Some(file!())), "{}", file!());
        for other in
            [Some("/cargo/registry/src/index/aws-smithy-runtime-1.0.0/src/client.rs"), Some("src/lib.rs"), None]
        {
            assert!(!is_ours(other), "{other:?}");
        }
    }

    #[test]
    fn only_short_plain_correlation_ids_are_used() {
        assert_eq!(correlation_id("a-B.9_"), Some("a-B.9_"));
        for bad in ["", "a b", "a\n", "ü", &"a".repeat(129)] {
            assert_eq!(correlation_id(bad), None);
        }
    }
}
