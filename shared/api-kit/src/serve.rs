//! From a gateway's request to a route's handler and back.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::routes::Route;
use domain::{ProblemCode, Slug};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, IntoResponse, RequestExt, Response, service_fn};
use lambda_kit::metrics::{Directive, Measured, Metric, Metrics, Unit, cold_start, millis};
use lambda_kit::{Budget, Declaration, Need, Platform, VERSION, telemetry};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::idempotency::{self, Records};
use crate::{Answer, Caller, Input, Problem, Request, caller};

/// A longer wait than this is ignored: in that case the gateway's clock differs from ours.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The least time that a request has.
pub const LEAST_TIME: Duration = Duration::from_millis(500);

/// What one route does. Its fields are what it may reach.
pub trait Handler: Need + Sync {
    /// The route.
    const ROUTE: Route;
    /// The time within which the route answers, even if a system that it depends on is down. It begins when the gateway
    /// received the request, and includes the start of the process. So every answer arrives within 5 s.
    const ANSWERED_WITHIN: Duration = Duration::from_millis(4500);
    /// The parts of the request that the handler takes.
    type Input: Input;

    /// Answers an authorised request within the budget.
    fn handle(
        &self,
        request: &Request,
        input: Self::Input,
        budget: Budget,
    ) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// What the line of an answer measures. One that is not written, since all is well with a `polled` route, measures nothing.
struct Answered;

impl Measured for Answered {
    const DIRECTIVES: &'static [Directive] = &[Directive {
        by: &[&[]],
        metrics: &[
            // In the function, its start not included.
            Metric { name: "Latency", unit: Unit::Milliseconds },
            // Answers with 5xx.
            Metric { name: "Errors", unit: Unit::Count },
            Metric { name: "ColdStart", unit: Unit::Count },
        ],
    }];
}

/// Everything that a route's function reaches: the handler's needs, and the idempotency records if the route takes an
/// `Idempotency-Key`.
#[must_use]
pub fn declaration<H: Handler>() -> Declaration {
    if H::ROUTE.idempotent_by_key() {
        Declaration::of::<(H, (Records, Metrics<Answered>))>()
    } else {
        Declaration::of::<(H, Metrics<Answered>)>()
    }
}

/// Serves a route until the process ends.
pub async fn serve<H: Handler>() -> Result<(), lambda_http::Error> {
    const { assert!(H::Input::TAKES.are_those_of(&H::ROUTE), "the handler's input is not what the route table says") }
    let platform = Platform::start(H::ROUTE.name);
    let handler: H = platform.open()?;
    let records = if H::ROUTE.idempotent_by_key() { Some(platform.open::<Records>()?) } else { None };
    let endpoint = Endpoint { handler, records, gate: Gate::open(&platform)?, metrics: platform.open()? };
    platform.warmed_up().await;
    lambda_http::run(service_fn(async |event: lambda_http::Request| {
        Ok::<_, lambda_http::Error>(Ready(respond(&endpoint, event).await))
    }))
    .await
}

/// An answer as it is. What else a handler may return, the runtime converts by its type, with the tables of 40 encodings.
struct Ready(Response<Body>);

impl IntoResponse for Ready {
    fn into_response(self) -> BoxFuture<'static, Response<Body>> {
        Box::pin(ready(self.0))
    }
}

struct Endpoint<H> {
    handler: H,
    /// Only if the route takes an `Idempotency-Key`.
    records: Option<Records>,
    gate: Gate,
    metrics: Metrics<Answered>,
}

impl<H: Handler> Endpoint<H> {
    /// Boxed: what a handler awaits is nested too deep for the runtime around it.
    fn handle<'a>(&'a self, request: &'a Request, budget: Budget) -> BoxFuture<'a, Result<Answer, Problem>> {
        let handle = move |budget| -> BoxFuture<'a, _> {
            Box::pin(async move { self.handler.handle(request, H::Input::read(request)?, budget).await })
        };
        match &self.records {
            // Known to the compiler, so that a route without keys has no client of DynamoDB. Not in an `async fn`: a future has
            // code for each place where it can wait, also for one that it never comes to.
            Some(records) if const { H::ROUTE.idempotent_by_key() } => {
                Box::pin(idempotency::once(records, H::ROUTE.name, request, budget, handle))
            }
            Some(_) | None => handle(budget),
        }
    }
}

/// Identifies the caller.
struct Gate {
    #[cfg(feature = "watch")]
    callers: callers::Callers,
}

impl Gate {
    #[cfg(feature = "watch")]
    fn open(platform: &Platform) -> Result<Self, domain::Failure> {
        Ok(Self { callers: platform.open()? })
    }

    #[cfg(not(feature = "watch"))]
    #[expect(clippy::unnecessary_wraps, reason = "one signature with and without the gateway")]
    const fn open(_: &Platform) -> Result<Self, domain::Failure> {
        Ok(Self {})
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

async fn respond<H: Handler>(endpoint: &Endpoint<H>, event: lambda_http::Request) -> Response<Body> {
    let (began, cold) = (Instant::now(), cold_start());
    let (request_id, path, waited) = match event.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => {
            (context.request_id.clone(), context.path.clone(), waited(context.request_time_epoch))
        }
        _ => (None, None, Duration::ZERO),
    };
    let request_id = request_id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let header = event.headers().get("x-correlation-id").and_then(|value| value.to_str().ok());
    let correlation_id = header.and_then(telemetry::correlation_id).unwrap_or(&request_id).to_owned();
    let span = telemetry::request_span(H::ROUTE.name, &request_id);
    // Without the query, which may hold what somebody searches for.
    let path = path.unwrap_or_else(|| event.uri().path().to_owned());
    span.record("correlation_id", &correlation_id).record("method", event.method().as_str()).record("path", path);
    let outcome = async {
        let budget = Budget::of(H::ANSWERED_WITHIN.saturating_sub(waited)).at_least(LEAST_TIME);
        let work = Box::pin(answer(endpoint, event, request_id.clone(), correlation_id, budget));
        // A panic must not reach the gateway, because its text would be in the answer.
        match budget.spend(AssertUnwindSafe(work).catch_unwind()).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(Problem::internal()),
            None => Err(Problem::unavailable()),
        }
    }
    .instrument(span.clone())
    .await;
    let tell = |status, code| log(&H::ROUTE, status, code, &endpoint.metrics, millis(began), cold);
    span.in_scope(|| match &outcome {
        Ok(answer) => tell(answer.status, None),
        Err(problem) => {
            tell(problem.status(), Some(problem.code()));
            if !H::ROUTE.problems().contains(&problem.code()) {
                tracing::error!(code = problem.code().as_str(), "an undocumented answer");
            }
        }
    });
    write(outcome, &request_id)
}

/// Logs how a request was answered. What is refused is no trouble of ours. A 503 is trouble that passes or was logged where
/// it was met, and any other 5xx our mistake.
fn log(
    route: &Route,
    status: StatusCode,
    code: Option<ProblemCode>,
    metrics: &Metrics<Answered>,
    latency: f64,
    cold: u64,
) {
    let code = code.map(ProblemCode::as_str);
    macro_rules! answered {
        ($level:ident) => {
            tracing::$level!(
                _aws = ?metrics.now(),
                Latency = latency,
                Errors = u64::from(status.is_server_error()),
                ColdStart = cold,
                status = status.as_u16(),
                code,
                "answered"
            )
        };
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answered!(warn);
    } else if status.is_server_error() {
        answered!(error);
    } else if route.polled && !status.is_client_error() {
        answered!(debug);
    } else {
        answered!(info);
    }
}

/// How long ago the gateway received the request. The gateway gives that time in milliseconds since 1970.
fn waited(request_time_epoch: i64) -> Duration {
    let received = UNIX_EPOCH + Duration::from_millis(request_time_epoch.try_into().unwrap_or_default());
    let waited = SystemTime::now().duration_since(received).unwrap_or_default();
    if waited > LONGEST_WAIT { Duration::ZERO } else { waited }
}

async fn answer<H: Handler>(
    endpoint: &Endpoint<H>,
    event: lambda_http::Request,
    request_id: String,
    correlation_id: String,
    budget: Budget,
) -> Result<Answer, Problem> {
    let span = Span::current();
    let tenant = event.path_parameters_ref().and_then(|parameters| parameters.first("tenant"));
    if let Some(slug) = tenant.and_then(|tenant| tenant.parse::<Slug>().ok()) {
        span.record("slug", slug.as_str());
    }
    let caller = endpoint.gate.caller(&H::ROUTE, &event).await?;
    span.record("caller", caller.actor());
    endpoint.handle(&Request::new(event, caller, request_id, correlation_id), budget).await
}

fn write(outcome: Result<Answer, Problem>, request_id: &str) -> Response<Body> {
    let answer = outcome.unwrap_or_else(|problem| problem.into_answer(request_id));
    let has = |header: &str| answer.headers.iter().any(|(name, _)| name == header);
    let mut builder = Response::builder()
        .status(answer.status)
        .header("x-request-id", request_id)
        .header(HeaderName::from_static("x-ivory-version"), HeaderValue::from_static(VERSION));
    if !has("cache-control") {
        builder = builder.header("cache-control", "no-store");
    }
    if answer.body.is_some() && !has("content-type") {
        builder = builder.header("content-type", "application/json");
    }
    for (name, value) in &answer.headers {
        builder = builder.header(name.as_ref(), value);
    }
    // The body is UTF-8 text, and the gateway does not encode a text body.
    let body = answer.body.map_or(Body::Empty, |body| Body::Text(String::from_utf8(body).unwrap_or_default()));
    builder.body(body).unwrap_or_else(|_| Response::new(Body::Empty))
}

#[cfg(test)]
mod tests {
    use domain::routes::{GET_TENANT, GET_TENANT_STATUS};
    use lambda_kit::Settings;
    use test_logs::Datum;

    use super::*;

    #[test]
    fn an_answer_is_one_line_with_its_metrics() {
        let metrics = Platform::with("get-tenant-status", Settings::default()).open().expect("it needs nothing");
        let lines = test_logs::logged(|| {
            log(&GET_TENANT, StatusCode::OK, None, &metrics, 1.25, 1);
            log(&GET_TENANT, StatusCode::NOT_FOUND, Some(ProblemCode::TenantNotFound), &metrics, 2.0, 0);
            log(&GET_TENANT, StatusCode::SERVICE_UNAVAILABLE, Some(ProblemCode::Unavailable), &metrics, 4500.0, 0);
            log(&GET_TENANT_STATUS, StatusCode::OK, None, &metrics, 1.0, 0);
        });
        let of = |line: &String| -> Vec<_> {
            let data = test_logs::metrics(line).expect("CloudWatch reads it");
            let by = |datum: &Datum| datum.dimensions["service"] == "ivory" && datum.dimensions.len() == 2;
            assert!(data.iter().all(|datum| by(datum) && datum.namespace == "IvoryControlPlane"), "{line}");
            data.into_iter().map(|datum| (datum.name, datum.unit, datum.value)).collect()
        };
        let expected = |latency, errors, cold| {
            let [latency, errors, cold] =
                [("Latency", "Milliseconds", latency), ("Errors", "Count", errors), ("ColdStart", "Count", cold)];
            [latency, errors, cold].map(|(name, unit, value)| (name.to_owned(), unit.to_owned(), value)).to_vec()
        };
        let found: Vec<_> = lines.iter().map(of).collect();
        assert_eq!(found, [expected(1.25, 0.0, 1.0), expected(2.0, 0.0, 0.0), expected(4500.0, 1.0, 0.0)]);
    }

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
