//! The vendor's side over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::answer::Answer;
use crate::exchange::{Call, Exchange};
use crate::store::new_id;

/// No request of ours comes near it.
const MAX_BODY: usize = 1024 * 1024;

pub(crate) fn router(exchange: Arc<Exchange>) -> Router {
    // One handler for every path: key, version and idempotency come before the route, as at Stripe.
    Router::new().fallback(handle).with_state(exchange)
}

async fn handle(State(exchange): State<Arc<Exchange>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let call = Call {
        id: new_id("req", 14),
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    // In a task of its own: a caller who hangs up does not stop what has begun.
    let work = tokio::spawn(async move {
        let answer = exchange.answer(&call).await;
        respond(&call, &answer)
    });
    work.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn respond(call: &Call, answer: &Answer) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", "application/json");
    set("request-id", &call.id);
    for echoed in ["stripe-version", "idempotency-key"] {
        if let Some(value) = call.header(echoed) {
            set(echoed, value);
        }
    }
    if let Some(original) = &answer.original_request {
        set("idempotent-replayed", "true");
        set("original-request", original);
    }
    if let Some(should_retry) = answer.should_retry {
        set("stripe-should-retry", if should_retry { "true" } else { "false" });
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        set("www-authenticate", "Bearer realm=\"Stripe\"");
    }
    (answer.status, headers, Body::from(answer.body.to_string())).into_response()
}
