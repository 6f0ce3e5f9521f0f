//! From a gateway's request to a route's handler and back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::Failure;
use domain::routes::Route;
use futures_util::FutureExt;
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt, Response, service_fn};
use secrets::{Name, SdkConfig, Secrets};
use store::Store;
use tracing::Instrument;
use uuid::Uuid;

use crate::{Answer, Problem, Request, caller};

/// A route has answered by then, whatever it depends on.
const ANSWERED_WITHIN: Duration = Duration::from_millis(4900);

/// What every route is built from.
#[derive(Clone)]
pub struct Platform {
    /// The AWS configuration.
    pub sdk: SdkConfig,
    /// The control database.
    pub store: Arc<Store>,
}

/// What one route does.
pub trait Handler: Sync {
    /// Which route it is.
    const ROUTE: Route;

    /// Answers an authorised request.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// Serves a route until the process ends.
pub async fn serve<H: Handler>(build: impl FnOnce(&Platform) -> Result<H, Failure>) -> Result<(), lambda_http::Error> {
    telemetry::init();
    let sdk = sdk_config::load().await;
    let secrets = Secrets::new(&sdk);
    let store = Arc::new(Store::new(secrets.source(Name::Control("database"))));
    let handler = build(&Platform { sdk, store: store.clone() })?;
    store.warm_up().await;
    let gate = Gate::new(secrets);
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
    fn new(secrets: Secrets) -> Self {
        Self { callers: callers::Callers::new(secrets) }
    }

    #[cfg(not(feature = "watch"))]
    fn new(_: Secrets) -> Self {
        Self {}
    }

    #[cfg(feature = "watch")]
    async fn caller(&self, route: &Route, event: &lambda_http::Request) -> Result<String, Problem> {
        caller::verify(route, event, &self.callers).await
    }

    #[cfg(not(feature = "watch"))]
    #[expect(clippy::unused_async, reason = "one signature with and without the gateway")]
    async fn caller(&self, route: &Route, event: &lambda_http::Request) -> Result<String, Problem> {
        caller::authorize(route, event)
    }
}

async fn respond<H: Handler>(handler: &H, gate: &Gate, event: lambda_http::Request) -> Response<Body> {
    let request_id = match event.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
        _ => None,
    }
    .unwrap_or_else(|| Uuid::now_v7().to_string());
    let header = event.headers().get("x-correlation-id").and_then(|value| value.to_str().ok());
    let correlation_id = header.and_then(telemetry::correlation_id).unwrap_or(&request_id).to_owned();
    let span = telemetry::request_span(H::ROUTE.name, &request_id);
    span.record("correlation_id", &correlation_id);
    let outcome = async {
        let work = answer(handler, gate, event, request_id.clone(), correlation_id);
        // A panic must not reach the gateway: its text would.
        match tokio::time::timeout(ANSWERED_WITHIN, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Problem::internal()),
            Err(_) => Err(Problem::unavailable()),
        }
    }
    .instrument(span.clone())
    .await;
    span.in_scope(|| match &outcome {
        Ok(answer) => tracing::info!(status = answer.status.as_u16(), "answered"),
        Err(problem) => tracing::info!(status = problem.status().as_u16(), code = problem.code(), "answered"),
    });
    write(outcome, &request_id)
}

async fn answer<H: Handler>(
    handler: &H,
    gate: &Gate,
    event: lambda_http::Request,
    request_id: String,
    correlation_id: String,
) -> Result<Answer, Problem> {
    let caller = gate.caller(&H::ROUTE, &event).await?;
    let tenant = event.path_parameters_ref().and_then(|parameters| parameters.first("tenant")).map(str::to_owned);
    let (parts, body) = event.into_parts();
    let body = match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    handler.handle(&Request { caller, request_id, correlation_id, tenant, headers: parts.headers, body }).await
}

fn write(outcome: Result<Answer, Problem>, request_id: &str) -> Response<Body> {
    let mut builder = Response::builder().header("x-request-id", request_id).header("cache-control", "no-store");
    let (status, media_type, body) = match outcome {
        Ok(answer) => {
            for (name, value) in &answer.headers {
                builder = builder.header(*name, value);
            }
            (answer.status, "application/json", answer.body)
        }
        Err(problem) => {
            for (name, value) in problem.headers() {
                builder = builder.header(*name, *value);
            }
            (problem.status(), "application/problem+json", problem.body(request_id))
        }
    };
    // JSON is UTF-8 text: a text body travels through the gateway unencoded.
    let body = Body::Text(String::from_utf8(body).unwrap_or_default());
    let response = builder.status(status).header("content-type", media_type).body(body);
    response.unwrap_or_else(|_| Response::new(Body::Empty))
}
