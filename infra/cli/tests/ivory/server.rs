//! A server on this machine that answers as a test says, and remembers what it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    pub at: Instant,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// The connection ends without an answer.
    Cut,
    /// No answer comes.
    Silence,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        let media = if status < 400 { "application/json" } else { "application/problem+json" };
        let headers = vec![("content-type".to_owned(), media.to_owned())];
        Self::Answer { status, headers, body: body.to_string() }
    }

    /// A problem of the API.
    pub fn problem(status: u16, code: &str) -> Self {
        let problem = json!({
            "type": format!("urn:ivory-control-plane:problem:{code}"),
            "title": "A problem",
            "status": status,
            "detail": format!("what {code} was this time"),
            "code": code,
            "request_id": "request-4711",
        });
        Self::json(status, &problem)
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

type Answering = Arc<dyn Fn(Asked) -> BoxFuture<'static, Reply> + Send + Sync>;

/// The server. It ends with the test.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Gives these replies, one after the other. What is asked after that is not understood.
    pub async fn script(replies: impl IntoIterator<Item = Reply>) -> Result<Self> {
        let replies = Mutex::new(replies.into_iter().collect::<VecDeque<_>>());
        Self::replying(move |_| {
            let next = replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            next.unwrap_or(Reply::Answer { status: 418, headers: vec![], body: "not in the script".to_owned() })
        })
        .await
    }

    /// Replies by what is asked.
    pub async fn replying(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Result<Self> {
        Self::answering(Arc::new(move |asked| {
            let reply = reply(&asked);
            Box::pin(async { reply })
        }))
        .await
    }

    pub async fn answering(answering: Answering) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answering) = (Arc::clone(&seen), Arc::clone(&answering));
                let service = service_fn(move |request| serve(request, Arc::clone(&seen), Arc::clone(&answering)));
                // A cut is an error of the connection.
                tokio::spawn(async {
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Ok(Self { url, asked, accepting })
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same as methods and paths.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

async fn serve(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Asked>>>,
    answering: Answering,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        at: Instant::now(),
    };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    match answering(asked).await {
        Reply::Answer { status, headers, body } => {
            let response = headers
                .into_iter()
                .fold(Response::builder().status(status), |response, (name, value)| response.header(name, value));
            response.body(Full::from(body)).map_err(io::Error::other)
        }
        Reply::Cut => Err(io::ErrorKind::ConnectionReset.into()),
        Reply::Silence => match std::future::pending::<Infallible>().await {},
    }
}
