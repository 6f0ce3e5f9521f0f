//! The way from the browser to the cloud.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use e2e::Cloud;
use futures_util::stream;
use tokio::net::TcpListener;

/// The most bytes of a request.
const MOST: usize = 1 << 20;
/// Headers of one connection. They are not passed on.
const OF_A_CONNECTION: [HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH];

/// How requests are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// All of them.
    Open,
    /// Connections break.
    Silent,
    /// The cloud takes no credential any more.
    Ended,
}

/// A server on a port of its own, in front of the cloud's gateway.
pub struct Door {
    url: String,
    inside: Arc<Inside>,
}

struct Inside {
    api_url: String,
    http: reqwest::Client,
    manner: Mutex<Manner>,
    /// What is answered instead, by the path without the query.
    canned: Mutex<BTreeMap<String, String>>,
}

impl Door {
    /// A door to this cloud, open.
    pub async fn to(cloud: &Cloud) -> Result<Self> {
        let inside = Arc::new(Inside {
            api_url: cloud.api_url.clone(),
            http: cloud.http.clone(),
            manner: Mutex::new(Manner::Open),
            canned: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(pass).with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, inside })
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// From now on requests are let through in this manner.
    pub fn set(&self, manner: Manner) {
        *self.inside.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// From now on this JSON is the answer to a GET of this path.
    pub fn answer(&self, path: &str, json: String) {
        self.inside.canned.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), json);
    }
}

async fn pass(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let manner = *inside.manner.lock().unwrap_or_else(PoisonError::into_inner);
    match manner {
        Manner::Silent => {
            let broken = stream::once(async { Err::<Vec<u8>, _>(io::Error::other("the door is closed")) });
            return Body::from_stream(broken).into_response();
        }
        Manner::Ended => {
            let problem = r#"{"type":"urn:ivory-control-plane:problem:unauthenticated","title":"Unauthorized","status":401,
                "detail":"Unauthorized","code":"unauthenticated","request_id":"door"}"#;
            let kind = [(header::CONTENT_TYPE, "application/problem+json")];
            return (StatusCode::UNAUTHORIZED, kind, problem).into_response();
        }
        Manner::Open => {}
    }
    let canned = inside.canned.lock().unwrap_or_else(PoisonError::into_inner).get(request.uri().path()).cloned();
    if let Some(json) = canned.filter(|_| request.method() == "GET") {
        return ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    }
    through(&inside, request).await.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

async fn through(inside: &Inside, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut call = inside.http.request(parts.method, format!("{}{path}", inside.api_url));
    for (name, value) in parts.headers.iter().filter(|(name, _)| !OF_A_CONNECTION.contains(name)) {
        call = call.header(name, value);
    }
    let answer = call.body(to_bytes(body, MOST).await?).send().await?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| !OF_A_CONNECTION.contains(name)) {
        response = response.header(name, value);
    }
    Ok(response.body(Body::from(answer.bytes().await?))?)
}
