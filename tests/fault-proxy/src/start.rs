//! Opens the ports and serves them.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::api::{Ready, UpstreamKind};
use crate::connection::{Connection, Shared};
use crate::held::Board;
use crate::log::Log;
use crate::postgres::tls::{BadPostgresTls, PostgresTls, Sides};
use crate::rules::Rules;
use crate::upstream::Upstream;
use crate::{control, http_proxy, tcp_proxy};

/// The upstreams and how to serve them.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Loopback port of the control API; 0 stands for any free port.
    pub control_port: u16,
    /// Each upstream gets a free loopback port.
    pub upstreams: Vec<UpstreamConfig>,
    /// The certificate of all upstreams of [`UpstreamKind::Postgres`].
    pub postgres: Option<PostgresTls>,
}

/// An outside system with the proxy before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Its name in rules and logs.
    pub name: String,
    /// How its connections are understood.
    pub kind: UpstreamKind,
    /// Where it listens.
    pub target: SocketAddr,
}

/// Why the proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Two upstreams have the same name.
    #[error("there are two upstreams `{0}`")]
    Duplicate(String),
    /// There is an upstream of [`UpstreamKind::Postgres`], but no certificate.
    #[error("there is no certificate for `{0}`")]
    NoCertificate(String),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] BadPostgresTls),
    /// A port cannot be opened.
    #[error("cannot open a port: {0}")]
    Listen(#[from] io::Error),
}

/// A running proxy. It accepts connections until this is dropped.
#[derive(Debug)]
pub struct Running {
    ready: Ready,
    listeners: JoinSet<()>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Serves until a listener fails.
    pub async fn serve(mut self) {
        self.listeners.join_next().await;
    }
}

/// Opens all ports and serves them in tasks of the current runtime.
pub async fn start(config: Config) -> Result<Running, ConfigError> {
    let postgres = config.postgres.as_ref().map(Sides::try_from).transpose()?;
    let (mut upstreams, mut doors) = (BTreeMap::new(), Vec::new());
    for UpstreamConfig { name, kind, target } in config.upstreams {
        if kind == UpstreamKind::Postgres && postgres.is_none() {
            return Err(ConfigError::NoCertificate(name));
        }
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let upstream = Arc::new(Upstream::new(name.clone(), kind, door.local_addr()?, target));
        doors.push((door, Arc::clone(&upstream)));
        if upstreams.insert(name.clone(), upstream).is_some() {
            return Err(ConfigError::Duplicate(name));
        }
    }
    let shared = Arc::new(Shared {
        rules: Rules::default(),
        log: Log::default(),
        board: Arc::new(Board::default()),
        upstreams,
        postgres,
        next_connection: AtomicU64::new(0),
    });
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, config.control_port)).await?;
    let addresses = shared.upstreams.iter().map(|(name, upstream)| (name.clone(), upstream.address));
    let ready = Ready { control: control.local_addr()?, upstreams: addresses.collect() };
    let mut listeners = JoinSet::new();
    for (door, upstream) in doors {
        listeners.spawn(accept(door, Arc::clone(&shared), upstream));
    }
    let router = control::router(shared);
    listeners.spawn(async {
        // Retries failed accepts and never returns.
        let _ = axum::serve(control, router).await;
    });
    Ok(Running { ready, listeners })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, upstream: Arc<Upstream>) {
    // Aborts the connections when this task is aborted.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            // Usually there are no file descriptors left for a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        // An error means that the client has gone already. The first read will find that out.
        let _ = stream.set_nodelay(true);
        let connection = Connection::new(Arc::clone(&shared), Arc::clone(&upstream), client.port());
        match upstream.kind {
            UpstreamKind::Http => connections.spawn(http_proxy::serve(connection, stream)),
            UpstreamKind::Tcp | UpstreamKind::Postgres => connections.spawn(tcp_proxy::serve(connection, stream)),
        };
    }
}
