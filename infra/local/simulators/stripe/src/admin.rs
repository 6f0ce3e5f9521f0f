//! The stand-in's own endpoints, for tests: its objects and the requests so far. Everything is listed oldest
//! first, and test mode before live mode.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
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
        .route("/admin/invoices", get(invoices))
        .route("/admin/requests", get(requests))
        .with_state(exchange)
}

/// Lists deleted ones, too.
async fn customers(State(exchange): Shared) -> Json<Vec<Value>> {
    Json(exchange.each_store(|store| store.customers.rows().iter().map(shape::customer).collect()))
}

/// Lists ended ones, too.
async fn subscriptions(State(exchange): Shared) -> Json<Vec<Value>> {
    Json(exchange.each_store(|store| store.subscriptions.rows().iter().map(shape::subscription).collect()))
}

async fn invoices(State(exchange): Shared) -> Json<Vec<Value>> {
    Json(exchange.each_store(|store| store.invoices.rows().iter().map(shape::invoice).collect()))
}

async fn requests(State(exchange): Shared) -> Response {
    Json(&*exchange.log.lock()).into_response()
}
