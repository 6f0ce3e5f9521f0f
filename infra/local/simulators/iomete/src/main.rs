//! `iomete-simulator`: see the library.

use std::io;
use std::net::Ipv4Addr;

use clap::Parser;
use iomete_simulator::Config;
use secrecy::SecretString;
use tokio::net::TcpListener;

/// A strict, stateful stand-in for one Iceberg REST catalog behind IOMETE's gateway, on 127.0.0.1.
#[derive(Parser)]
struct Options {
    /// Port; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Name of the one catalog there is.
    #[arg(long, default_value = "ivory")]
    catalog: String,
    /// Where the catalog keeps its tables.
    #[arg(long, default_value = "s3://ivory-lakehouse/warehouse")]
    warehouse: String,
    /// The one token it accepts. From the environment, so that it does not show in the process list.
    #[arg(long, env = "IOMETE_TOKEN", hide_env_values = true)]
    token: SecretString,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let config = Config { token: options.token, catalog: options.catalog, warehouse: options.warehouse };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    println!("READY http://{}", listener.local_addr()?);
    iomete_simulator::serve(listener, config).await
}
