//! A stand-in for the part of the Stripe API that billing needs: customers, prices, subscriptions and their invoices.
//!
//! It is strict where Stripe is forgiving (it refuses a request without `Stripe-Version`), and it refuses every
//! parameter that it does not simulate. State lives in memory. Test mode and live mode share nothing: under the other
//! mode's key an object is missing. Objects have the shape of API version `2025-03-31.basil`
//! and later, where a subscription's current period is on its items. No customer has a payment method, as right after
//! `POST /v1/customers`.
//!
//! Facts about the API: <https://docs.stripe.com/api>, stripe/stripe-go and stripe/openapi (`fixtures3.json`).

// A subscription has more attributes than the `json!` macro can count by default.
#![recursion_limit = "256"]

mod admin;
mod customers;
mod error;
mod exchange;
mod gate;
mod idempotency;
mod invoices;
mod model;
mod params;
mod prices;
mod routes;
mod search;
mod settings;
mod shape;
mod store;
mod subscriptions;

use std::io;
use std::sync::Arc;

use axum::Router;
use simulator::{Port, StandIn};

use exchange::Exchange;
pub use settings::Settings;

/// Starts the stand-in without customers.
pub async fn start(settings: Settings) -> io::Result<StandIn> {
    let (api, admin) = (Port::bind(settings.port).await?, Port::bind(settings.admin_port).await?);
    let exchange = Arc::new(Exchange::new(settings));
    // One handler for every path: Stripe checks key, version and idempotency before it looks at the path.
    let routes = Router::new().fallback(exchange::handle).with_state(Arc::clone(&exchange));
    Ok(StandIn::default().http("api", api, routes).http("admin", admin, admin::router(exchange)))
}
