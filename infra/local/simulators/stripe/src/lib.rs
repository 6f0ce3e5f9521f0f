//! A stand-in for the part of the Stripe API that billing needs: customers, prices, subscriptions.
//!
//! It is strict where Stripe is forgiving (a missing `Stripe-Version` is refused) and refuses what it does not know: a
//! parameter that it does not simulate is an unknown parameter. State lives in memory. Objects have the shape of API
//! version `2025-03-31.basil` and later, where a subscription's current period is on its items. Nobody here has a
//! payment method, as nobody has right after `POST /v1/customers`.
//!
//! Facts about the API: <https://docs.stripe.com/api>, stripe/stripe-go and stripe/openapi (`fixtures3.json`).

// A subscription has more attributes than the `json!` macro can count by default.
#![recursion_limit = "256"]

mod admin;
mod answer;
mod customers;
mod error;
mod exchange;
mod gate;
mod idempotency;
mod model;
mod params;
mod prices;
mod routes;
mod search;
mod server;
mod shape;
mod store;
mod subscriptions;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::TcpListener;

/// How the stand-in behaves.
#[derive(Debug)]
pub struct Config {
    /// The one secret key it accepts, `sk_…`.
    pub secret_key: SecretString,
    /// The prices there are.
    pub prices: Vec<SeedPrice>,
    /// How long after its creation a customer is found by search. Stripe: under a minute, up to an hour in outages.
    pub search_lag: Duration,
    /// How long an idempotency key is remembered. Stripe: at least 24 hours.
    pub idempotency_ttl: Duration,
    /// How long a request takes, from claiming its idempotency key to its effect.
    pub latency: Duration,
}

impl Config {
    /// The defaults, for this secret key.
    #[must_use]
    pub fn new(secret_key: SecretString) -> Self {
        Self {
            secret_key,
            prices: SeedPrice::defaults(),
            search_lag: Duration::from_mins(1),
            idempotency_ttl: Duration::from_hours(24),
            latency: Duration::ZERO,
        }
    }
}

/// A recurring price that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedPrice {
    /// The name it is looked up by.
    pub lookup_key: String,
    /// Its id, `price_…`.
    pub id: String,
}

impl SeedPrice {
    /// One price per paid tier.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        ["ivory_enterprise", "ivory_enterprise_plus"]
            .map(|key| Self { lookup_key: key.to_owned(), id: format!("price_{key}") })
            .into()
    }
}

impl std::str::FromStr for SeedPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((lookup_key, id)) if !lookup_key.is_empty() && id.starts_with("price_") => {
                Ok(Self { lookup_key: lookup_key.to_owned(), id: id.to_owned() })
            }
            _ => Err("expected lookup_key=price_…".to_owned()),
        }
    }
}

/// One stand-in with its state; clones share it.
#[derive(Clone, Debug)]
pub struct Simulator {
    inner: Arc<exchange::Exchange>,
}

impl Simulator {
    /// A stand-in without customers.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { inner: Arc::new(exchange::Exchange::new(config)) }
    }

    /// Answers the vendor's API on this listener until the task is dropped.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, server::router(Arc::clone(&self.inner))).await
    }

    /// Answers the stand-in's own endpoints, for tests, on this listener until the task is dropped.
    pub async fn serve_admin(&self, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, admin::router(Arc::clone(&self.inner))).await
    }
}

/// Answers the vendor's API on this listener with a fresh stand-in.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    Simulator::new(config).serve(listener).await
}
