//! From a gateway's request to a route's handler and back.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Failure;
use domain::routes::Route;
use futures_util::FutureExt;
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt, Response, service_fn};
use secrets::{Name, SdkConfig, Secrets};
use store::Store;
use tokio::time::timeout_at;
use tracing::Instrument;
use uuid::Uuid;

use crate::request::LEAST_TIME;
use crate::{Answer, Caller, Problem, Request, caller};

/// A request that has waited for longer than this was not: the gateway's clock is another one.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What every route is built from.
pub struct Platform {
    /// The AWS configuration.
    pub sdk: SdkConfig,
    /// The installation's secrets.
    pub secrets: Secrets,
    store: OnceLock<Arc<Store>>,
}

impl Platform {
    /// The control database, for a route that uses it.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        self.store.get_or_init(|| Arc::new(Store::new(self.secrets.source(Name::Control("database"))))).clone()
    }
}

/// What one route does.
pub trait Handler: Sync {
    /// Which route it is.
    const ROUTE: Route;
    /// It has answered by then, whatever it depends on, counted from when the gateway received the request: nobody waits
    /// for 5 s, the process' start included, and the authorizer where the gateway counts it.
    const ANSWERED_WITHIN: Duration = Duration::from_millis(4500);

    /// Answers an authorised request.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// Serves a route until the process ends.
pub async fn serve<H: Handler>(build: impl FnOnce(&Platform) -> Result<H, Failure>) -> Result<(), lambda_http::Error> {
    telemetry::init();
    let sdk = sdk_config::load().await;
    let platform = Platform { secrets: Secrets::new(&sdk), sdk, store: OnceLock::new() };
    let handler = build(&platform)?;
    if let Some(store) = platform.store.get() {
        store.warm_up().await;
    }
    let gate = Gate::new(&platform.secrets);
    lambda_http::run(service_fn(async |event: lambda_http::Request| {
        Ok::<_, lambda_http::Error>(respond(&handler, &gate, event).await)
    }))
    .await
}

/// Finds out who is calling.
struct Gate {
    #[cfg(feature = "watch")]
    callers: callers::Callers,
}

impl Gate {
    #[cfg(feature = "watch")]
    fn new(secrets: &Secrets) -> Self {
        Self { callers: callers::Callers::new(secrets.clone()) }
    }

    #[cfg(not(feature = "watch"))]
    const fn new(_: &Secrets) -> Self {
        Self {}
    }

    #[cfg(feature = "watch")]
    async fn caller(&self, route: &Route, event: &lambda_http::Request) -> Result<Caller, Problem> {
        caller::verify(route, event, &self.callers).await
    }

    #[cfg(not(feature = "watch"))]
    #[expect(clippy::unused_async, reason = "one signature with and without the gateway")]
    async fn caller(&self, route: &Route, event: &lambda_http::Request) -> Result<Caller, Problem> {
        caller::authorize(route, event)
    }
}

async fn respond<H: Handler>(handler: &H, gate: &Gate, event: lambda_http::Request) -> Response<Body> {
    let (request_id, waited) = match event.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => (context.request_id.clone(), waited(context.request_time_epoch)),
        _ => (None, Duration::ZERO),
    };
    let request_id = request_id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let header = event.headers().get("x-correlation-id").and_then(|value| value.to_str().ok());
    let correlation_id = header.and_then(telemetry::correlation_id).unwrap_or(&request_id).to_owned();
    let span = telemetry::request_span(H::ROUTE.name, &request_id);
    span.record("correlation_id", &correlation_id);
    let outcome = async {
        let answer_by = Instant::now() + H::ANSWERED_WITHIN.saturating_sub(waited).max(LEAST_TIME);
        let work = answer(handler, gate, event, request_id.clone(), correlation_id, answer_by);
        // A panic must not reach the gateway: its text would.
        match timeout_at(answer_by.into(), AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Problem::internal()),
            Err(_) => Err(Problem::unavailable()),
        }
    }
    .instrument(span.clone())
    .await;
    span.in_scope(|| match &outcome {
        Ok(answer) => tracing::info!(status = answer.status.as_u16(), "answered"),
        Err(problem) => {
            tracing::info!(status = problem.status().as_u16(), code = problem.code().as_str(), "answered");
            if !H::ROUTE.problems().contains(&problem.code()) {
                tracing::error!(code = problem.code().as_str(), "an undocumented answer");
            }
        }
    });
    write(outcome, &request_id)
}

/// How long ago the gateway received a request, by its word in milliseconds since 1970.
fn waited(request_time_epoch: i64) -> Duration {
    let received = UNIX_EPOCH + Duration::from_millis(request_time_epoch.try_into().unwrap_or_default());
    let waited = SystemTime::now().duration_since(received).unwrap_or_default();
    if waited > LONGEST_WAIT { Duration::ZERO } else { waited }
}

async fn answer<H: Handler>(
    handler: &H,
    gate: &Gate,
    event: lambda_http::Request,
    request_id: String,
    correlation_id: String,
    answer_by: Instant,
) -> Result<Answer, Problem> {
    let caller = gate.caller(&H::ROUTE, &event).await?;
    let tenant = event.path_parameters_ref().and_then(|parameters| parameters.first("tenant")).map(str::to_owned);
    let query = event
        .query_string_parameters_ref()
        .map(|query| query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    let deadline = event.lambda_context_ref().map_or_else(SystemTime::now, lambda_http::Context::deadline);
    let (parts, body) = event.into_parts();
    let body = match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    let query = query.unwrap_or_default();
    let headers = parts.headers;
    let request = Request { caller, request_id, correlation_id, deadline, answer_by, tenant, query, headers, body };
    handler.handle(&request).await
}

fn write(outcome: Result<Answer, Problem>, request_id: &str) -> Response<Body> {
    let answer = outcome.unwrap_or_else(|problem| problem.into_answer(request_id));
    let mut builder = Response::builder().status(answer.status);
    builder = builder.header("x-request-id", request_id).header("cache-control", "no-store");
    if answer.body.is_some() && !answer.headers.iter().any(|(name, _)| *name == "content-type") {
        builder = builder.header("content-type", "application/json");
    }
    for (name, value) in &answer.headers {
        builder = builder.header(name.as_ref(), value);
    }
    // JSON is UTF-8 text: a text body travels through the gateway unencoded.
    let body = answer.body.map_or(Body::Empty, |body| Body::Text(String::from_utf8(body).unwrap_or_default()));
    builder.body(body).unwrap_or_else(|_| Response::new(Body::Empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wait_that_can_be_counts() {
        let ago = |time: Duration| {
            let since = (SystemTime::now() - time).duration_since(UNIX_EPOCH).expect("after 1970");
            i64::try_from(since.as_millis()).expect("before 292 million AD")
        };
        let two = waited(ago(Duration::from_secs(2)));
        assert!(two >= Duration::from_secs(2) && two < Duration::from_secs(3), "{two:?}");
        assert_eq!(waited(ago(Duration::from_secs(11))), Duration::ZERO);
        for never in [0, -1, i64::MIN, ago(Duration::ZERO) + 5000] {
            assert_eq!(waited(never), Duration::ZERO, "{never}");
        }
    }
}
