//! The stand-in's own endpoints, for tests: what there is and what was asked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use crate::exchange::Exchange;
use crate::shape;

type Shared = State<Arc<Exchange>>;

pub(crate) fn router(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route("/admin/customers", get(customers))
        .route("/admin/subscriptions", get(subscriptions))
        .route("/admin/requests", get(requests))
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
