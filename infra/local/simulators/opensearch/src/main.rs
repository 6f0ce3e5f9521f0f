//! `opensearch-simulator`: see the library.

use std::io;
use std::net::Ipv4Addr;

use clap::Parser;
use opensearch_simulator::{Config, Credentials};
use secrecy::SecretString;
use tokio::net::TcpListener;

/// A strict stand-in for the part of `OpenSearch` 2.19 with k-NN that tenants' indexes need, on 127.0.0.1.
#[derive(Parser)]
struct Options {
    /// Port; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Name of the cluster and of its one node.
    #[arg(long, default_value = "opensearch-simulator")]
    cluster_name: String,
    /// Basic authentication: the user. Without it everybody is let in.
    #[arg(long, env = "OPENSEARCH_USERNAME", requires = "password")]
    username: Option<String>,
    /// Basic authentication: the password.
    #[arg(long, env = "OPENSEARCH_PASSWORD", hide_env_values = true, requires = "username")]
    password: Option<SecretString>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let credentials =
        options.username.zip(options.password).map(|(username, password)| Credentials { username, password });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    println!("READY http://{}", listener.local_addr()?);
    opensearch_simulator::serve(listener, Config { cluster_name: options.cluster_name, credentials }).await
}
