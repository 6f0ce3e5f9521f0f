//! The command line.

use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use secrecy::SecretString;

/// Port 0 means any free one; everything listens on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(about = "Stand-in for the part of the Stripe API that billing needs")]
pub struct Settings {
    /// Port of the API.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Port of the stand-in's own endpoints: GET /admin/{customers,subscriptions,requests}.
    #[arg(long, default_value_t = 0)]
    pub admin_port: u16,
    /// A price, `lookup_key=price_id`. Repeatable; by default there is one for each paid tier. Live mode has the same
    /// prices, with `_live` behind their ids.
    #[arg(
        long = "price",
        default_values = ["ivory_enterprise=price_ivory_enterprise", "ivory_enterprise_plus=price_ivory_enterprise_plus"]
    )]
    pub prices: Vec<SeedPrice>,
    /// Milliseconds until search finds a new customer. At Stripe it takes up to a minute, up to an hour in outages.
    #[arg(
        long = "search-lag-ms",
        default_value = "60000",
        value_parser = |text: &str| text.parse().map(Duration::from_millis)
    )]
    pub search_lag: Duration,
    /// Seconds for which an idempotency key is remembered. Stripe remembers one for at least 24 hours.
    #[arg(
        long = "idempotency-ttl-s",
        default_value = "86400",
        value_parser = |text: &str| text.parse().map(Duration::from_secs)
    )]
    pub idempotency_ttl: Duration,
    /// How long a request takes, from claiming its idempotency key to its effect.
    #[arg(skip)]
    pub latency: Duration,
    /// The secret key of the account's test mode, `sk_test_…`. From the environment, so that it does not show in the
    /// process list.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub secret_key: SecretString,
    /// The secret key of its live mode, `sk_live_…`. Without it there is no live mode. From the environment, as above.
    #[arg(long, env = "STRIPE_LIVE_SECRET_KEY", hide_env_values = true)]
    pub live_secret_key: Option<SecretString>,
}

/// A recurring price that exists from the start.
#[derive(Clone, Debug)]
pub struct SeedPrice {
    pub(crate) lookup_key: String,
    pub(crate) id: String,
}

impl FromStr for SeedPrice {
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
