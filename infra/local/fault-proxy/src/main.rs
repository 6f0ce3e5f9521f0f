//! `fault-proxy --control-port 0 --http supabase=127.0.0.1:9001 --tcp postgres=127.0.0.1:5432 …`

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use fault_proxy::{Config, UpstreamConfig, UpstreamKind};
use tokio::signal::unix::{SignalKind, signal};

/// Stands before outside systems, so that a test can break any call to them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Loopback port of the control API; 0 is any free one.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// An HTTP/1.1 upstream; repeatable.
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = upstream)]
    http: Vec<(String, SocketAddr)>,
    /// An upstream of any other protocol; repeatable.
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = upstream)]
    tcp: Vec<(String, SocketAddr)>,
}

fn upstream(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, target) = text.split_once('=').ok_or("NAME=ADDRESS is wanted")?;
    let target = target.parse().map_err(|_| "the address is an IP address and a port, e.g. 127.0.0.1:5432")?;
    Ok((name.to_owned(), target))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let of = |kind| move |(name, target)| UpstreamConfig { name, kind, target };
    let http = arguments.http.into_iter().map(of(UpstreamKind::Http));
    let tcp = arguments.tcp.into_iter().map(of(UpstreamKind::Tcp));
    let config = Config { control_port: arguments.control_port, upstreams: http.chain(tcp).collect() };
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
