//! The ports of a stand-in and the servers on them.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// More than any request of the control plane has.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A bound port on 127.0.0.1. Connections wait until a server answers on it.
#[derive(Debug)]
pub struct Port {
    /// Where connections arrive.
    pub listener: TcpListener,
    /// Its address.
    pub address: SocketAddr,
}

impl Port {
    /// Binds this port; 0 takes any free one.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self { address: listener.local_addr()?, listener })
    }
}

/// A running stand-in. It stops when this is dropped.
#[derive(Debug, Default)]
pub struct StandIn {
    urls: Vec<(&'static str, String)>,
    servers: JoinSet<io::Result<()>>,
}

impl StandIn {
    /// Adds a port that answers HTTP.
    #[must_use]
    pub fn http(self, name: &'static str, port: Port, routes: Router) -> Self {
        let routes = routes.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).layer(from_fn(finish));
        let url = format!("http://{}", port.address);
        self.server(name, url, async { axum::serve(port.listener, routes).await })
    }

    /// Adds a server of another kind.
    #[must_use]
    pub fn server(
        mut self,
        name: &'static str,
        url: String,
        server: impl Future<Output = io::Result<()>> + Send + 'static,
    ) -> Self {
        self.urls.push((name, url));
        self.servers.spawn(server);
        self
    }

    /// The URL of the port with this name.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<&str> {
        self.urls.iter().find(|(known, _)| *known == name).map(|(_, url)| url.as_str())
    }

    /// Waits until one of the servers breaks.
    pub(crate) async fn broken(&mut self) -> io::Result<()> {
        match self.servers.join_next().await {
            Some(ended) => ended?,
            None => Ok(()),
        }
    }
}

/// `api=http://127.0.0.1:1234 admin=http://127.0.0.1:1235`.
impl fmt::Display for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.urls.iter().map(|(name, url)| format!("{name}={url}")).collect();
        f.write_str(&urls.join(" "))
    }
}

/// Finishes a request even if its client hangs up, as real services do, and logs it.
async fn finish(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = tokio::spawn(next.run(request)).await;
    let response = response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    tracing::info!(%method, path, status = response.status().as_u16());
    response
}
