//! A server that gives prepared answers in order and records its requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

/// One prepared answer.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// An answer with a JSON body, or any text.
#[expect(clippy::needless_pass_by_value, reason = "tests pass literals and values alike")]
pub fn reply(status: u16, body: impl ToString) -> Reply {
    Reply { status, headers: Vec::new(), body: body.to_string() }
}

impl Reply {
    /// The same answer with another header.
    #[expect(clippy::needless_pass_by_value, reason = "tests pass literals and values alike")]
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// One request that was received.
pub struct Asked {
    /// `METHOD /path?query`.
    pub line: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if there was none.
    pub body: Value,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    asked: Vec<Asked>,
}

/// The running server.
pub struct Replay {
    /// Its address, as a base URL.
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Replay {
    /// Starts a server that gives these answers, and 599 after them.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Arc::new(Mutex::new(Script { replies: replies.into_iter().collect(), asked: Vec::new() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, script }
    }

    /// The requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.script.lock().expect("not poisoned").asked)
    }

    /// The only request since the last call.
    pub fn asked_once(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "one request");
        asked.remove(0)
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
    let mut script = script.lock().expect("not poisoned");
    script.asked.push(Asked { line, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) });
    let reply = script.replies.pop_front().unwrap_or_else(|| reply(599, "nothing prepared"));
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).expect("a status"));
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(reply.body.into()).expect("a response")
}
