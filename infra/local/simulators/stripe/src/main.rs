//! `stripe-simulator`: see the library.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Parser;
use secrecy::SecretString;
use stripe_simulator::{Config, SeedPrice, Simulator};
use tokio::net::TcpListener;

/// A strict, stateful stand-in for the part of the Stripe API that billing needs, on 127.0.0.1.
#[derive(Parser)]
struct Options {
    /// Port of the API; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the stand-in's own endpoints: GET /admin/{customers,subscriptions,requests}.
    #[arg(long)]
    admin_port: Option<u16>,
    /// A price, `lookup_key=price_id`; repeatable. Without any: one per paid tier.
    #[arg(long = "price")]
    prices: Vec<SeedPrice>,
    /// Milliseconds until a new customer is found by search.
    #[arg(long, default_value_t = 60_000)]
    search_lag_ms: u64,
    /// Seconds for which idempotency keys are remembered.
    #[arg(long, default_value_t = 86_400)]
    idempotency_ttl_s: u64,
    /// The one secret key it accepts.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    secret_key: SecretString,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let simulator = Simulator::new(Config {
        secret_key: options.secret_key,
        prices: if options.prices.is_empty() { SeedPrice::defaults() } else { options.prices },
        search_lag: Duration::from_millis(options.search_lag_ms),
        latency: Duration::ZERO,
        idempotency_ttl: Duration::from_secs(options.idempotency_ttl_s),
    });
    if let Some(port) = options.admin_port {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        tracing::info!("admin endpoints on http://{}", listener.local_addr()?);
        let simulator = simulator.clone();
        tokio::spawn(async move { simulator.serve_admin(listener).await });
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    println!("READY http://{}", listener.local_addr()?);
    simulator.serve(listener).await
}
