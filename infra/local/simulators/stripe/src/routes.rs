//! Maps requests to actions.

use axum::http::Method;

use crate::error::ApiError;
use crate::params::Params;
use crate::store::Effect;
use crate::{customers, invoices, prices, search, subscriptions};

/// Checks a request and returns its execution. Takes the parameters it knows out of `params`.
pub(crate) fn prepare(method: &Method, path: &str, params: &mut Params) -> Result<Effect, ApiError> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["v1", "customers"]) => customers::create(params),
        ("GET", ["v1", "customers"]) => customers::list(params),
        ("GET", ["v1", "customers", "search"]) => search::customers(params),
        ("GET", ["v1", "customers", id]) => Ok(customers::retrieve(id)),
        ("POST", ["v1", "customers", id]) => customers::update(id, params),
        ("DELETE", ["v1", "customers", id]) => Ok(customers::delete(id)),
        ("GET", ["v1", "invoices"]) => invoices::list(params),
        ("GET", ["v1", "invoices", id]) => Ok(invoices::retrieve(id)),
        ("POST", ["v1", "invoices", id, "pay"]) => invoices::pay(id, params),
        ("POST", ["v1", "invoices", id, "void"]) => Ok(invoices::void(id)),
        ("POST", ["v1", "prices"]) => prices::create(params),
        ("GET", ["v1", "prices"]) => prices::list(params),
        ("GET", ["v1", "prices", id]) => Ok(prices::retrieve(id)),
        ("POST", ["v1", "prices", id]) => prices::update(id, params),
        ("POST", ["v1", "subscriptions"]) => subscriptions::create(params),
        ("GET", ["v1", "subscriptions"]) => subscriptions::list(params),
        ("GET", ["v1", "subscriptions", id]) => Ok(subscriptions::retrieve(id)),
        ("POST", ["v1", "subscriptions", id]) => subscriptions::update(id, params),
        ("DELETE", ["v1", "subscriptions", id]) => subscriptions::cancel(id, params),
        _ => Err(ApiError::unrecognized_url(method.as_str(), path)),
    }
}
