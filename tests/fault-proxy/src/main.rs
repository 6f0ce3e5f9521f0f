//! `fault-proxy --control-port 0 --http supabase=127.0.0.1:9001 --tcp valkey=127.0.0.1:6379 …`

use std::fs;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use fault_proxy::{Config, PostgresTls, UpstreamConfig, UpstreamKind};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

/// A proxy before outside systems. It can make any call to them fail, so that a test can check the effect.
#[derive(Debug, Parser)]
struct Arguments {
    /// Loopback port of the control API; 0 stands for any free port.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// An HTTP/1.1 upstream; repeatable.
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = upstream)]
    http: Vec<(String, SocketAddr)>,
    /// An upstream of any other protocol; repeatable.
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = upstream)]
    tcp: Vec<(String, SocketAddr)>,
    /// A Postgres upstream; repeatable.
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = upstream)]
    #[arg(requires_all = ["postgres_certificate", "postgres_key", "postgres_authority"])]
    postgres: Vec<(String, SocketAddr)>,
    /// The certificate of all Postgres upstreams, as PEM. It must be the servers' own: channel binding depends on it.
    #[arg(long, value_name = "FILE", value_parser = text_of)]
    postgres_certificate: Option<String>,
    /// The certificate's private key, as PEM.
    #[arg(long, value_name = "FILE", value_parser = secret_of)]
    postgres_key: Option<SecretString>,
    /// The authority that signed the certificate, as PEM.
    #[arg(long, value_name = "FILE", value_parser = text_of)]
    postgres_authority: Option<String>,
}

fn text_of(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn secret_of(path: &str) -> Result<SecretString, String> {
    text_of(path).map(SecretString::from)
}

fn upstream(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, target) = text.split_once('=').ok_or("expected NAME=ADDRESS")?;
    let target = target.parse().map_err(|_| "expected an IP address and a port, e.g. 127.0.0.1:5432")?;
    Ok((name.to_owned(), target))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let of = |kind| move |(name, target)| UpstreamConfig { name, kind, target };
    let http = arguments.http.into_iter().map(of(UpstreamKind::Http));
    let tcp = arguments.tcp.into_iter().map(of(UpstreamKind::Tcp));
    let postgres = arguments.postgres.into_iter().map(of(UpstreamKind::Postgres));
    let files = (arguments.postgres_certificate, arguments.postgres_key, arguments.postgres_authority);
    let config = Config {
        control_port: arguments.control_port,
        upstreams: http.chain(tcp).chain(postgres).collect(),
        postgres: match files {
            (Some(certificate), Some(key), Some(authority)) => Some(PostgresTls { certificate, key, authority }),
            _ => None,
        },
    };
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fault-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), fault_proxy::ConfigError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let proxy = fault_proxy::start(config).await?;
    println!("{}", proxy.ready());
    tokio::select! {
        () = proxy.serve() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
