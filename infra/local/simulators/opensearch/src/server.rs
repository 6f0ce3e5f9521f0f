//! The server's side over HTTP.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::call::Call;
use crate::cluster::Cluster;
use crate::{Config, Credentials, routes};

/// The server's own limit, `http.max_content_length`.
const MAX_BODY: usize = 100 * 1024 * 1024;

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    body: Value,
    /// How long the server takes to give it.
    delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, body, delay: Duration::ZERO }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

struct Node {
    credentials: Option<Credentials>,
    cluster: Mutex<Cluster>,
}

pub(crate) fn router(config: Config) -> Router {
    let cluster = Mutex::new(Cluster::new(config.cluster_name));
    // One handler for every path: a name is a path, and almost anything may stand there.
    Router::new().fallback(handle).with_state(Arc::new(Node { credentials: config.credentials, cluster }))
}

async fn handle(State(node): State<Arc<Node>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !node.admits(&head.headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"OpenSearch Security\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "Unauthorized").into_response();
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let method = head.method.clone();
    let reply = Call::new(head.method, head.uri.path(), head.uri.query(), &head.headers, body)
        .and_then(|call| routes::answer(&call, &mut node.cluster.lock().unwrap_or_else(PoisonError::into_inner)))
        .unwrap_or_else(|problem| Reply::new(problem.status, problem.body()));
    tracing::info!(%method, path = head.uri.path(), status = reply.status);
    tokio::time::sleep(reply.delay).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=UTF-8")];
    (status, content_type, Body::from(reply.body.to_string())).into_response()
}

impl Node {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(Credentials { username, password }) = &self.credentials else { return true };
        let expected = format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.expose_secret())));
        headers.get(header::AUTHORIZATION).is_some_and(|given| given.as_bytes() == expected.as_bytes())
    }
}
