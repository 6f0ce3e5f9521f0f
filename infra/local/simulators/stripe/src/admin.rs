//! The stand-in's own endpoints, for tests: what there is, what was asked, and failures on request.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;

use crate::exchange::Exchange;
use crate::faults::Fault;
use crate::shape;

type Shared = State<Arc<Exchange>>;

pub(crate) fn router(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route("/admin/customers", get(customers))
        .route("/admin/subscriptions", get(subscriptions))
        .route("/admin/requests", get(requests))
        .route("/admin/faults", post(add_fault).delete(clear_faults))
        .with_state(exchange)
}

/// Every customer, deleted ones too, oldest first.
async fn customers(State(exchange): Shared) -> Json<Vec<Value>> {
    Json(exchange.store().customers.rows().iter().map(shape::customer).collect())
}

/// Every subscription, ended ones too, oldest first.
async fn subscriptions(State(exchange): Shared) -> Json<Vec<Value>> {
    Json(exchange.store().subscriptions.rows().iter().map(shape::subscription).collect())
}

/// Every request so far, oldest first.
async fn requests(State(exchange): Shared) -> Response {
    Json(&*exchange.log()).into_response()
}

async fn add_fault(State(exchange): Shared, Json(fault): Json<Fault>) -> StatusCode {
    exchange.faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(exchange): Shared) -> StatusCode {
    exchange.faults.clear();
    StatusCode::NO_CONTENT
}
