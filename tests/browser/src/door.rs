//! The way from the browser to the cloud.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use e2e::{Answer, Cloud, contract};
use futures_util::stream;
use serde_json::Value;
use tokio::net::TcpListener;

/// The most bytes of a request.
const MOST: usize = 1 << 20;
/// Headers of one connection. They are not passed on.
const OF_A_CONNECTION: [HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH];

/// Fields that [`Door::append`] leaves as they are: the page's next request, its actions, or the place of a fault depend on them.
const AS_THEY_ARE: [&str; 5] = ["slug", "tenant_id", "provisioning_state", "operations", "field"];

/// Headers with a credential.
const CREDENTIALS: [&str; 2] = ["x-api-key", "authorization"];

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
    rules: Mutex<Rules>,
}

struct Rules {
    manner: Manner,
    /// What is answered instead, by the path without the query.
    canned: BTreeMap<String, Answer>,
    /// What every text of an answer ends with.
    ending: String,
}

impl Door {
    /// A door to this cloud, open.
    pub async fn to(cloud: &Cloud) -> Result<Self> {
        let rules = Rules { manner: Manner::Open, canned: BTreeMap::new(), ending: String::new() };
        let inside =
            Arc::new(Inside { api_url: cloud.api_url.clone(), http: cloud.http.clone(), rules: Mutex::new(rules) });
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
        self.inside.rules().manner = manner;
    }

    /// From now on this is the answer to a GET of this path. Fails unless the contract allows it.
    pub fn answer(&self, path: &str, body: &Value) -> Result<()> {
        let headers = [("content-type", "application/json"), ("x-request-id", "door"), ("etag", "\"1\"")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let (method, path) = ("GET".to_owned(), path.to_owned());
        let answer = Answer { method, path, status: 200, headers, body: body.to_string() };
        contract::check(&answer)?;
        self.inside.rules().canned.insert(answer.path.clone(), answer);
        Ok(())
    }

    /// From now on every text of an answer ends like this, as if whoever wrote it had tried.
    pub fn append(&self, ending: &str) {
        ending.clone_into(&mut self.inside.rules().ending);
    }
}

impl Inside {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is answered instead of asking the cloud.
    fn own_answer(&self, request: &Request) -> Option<Response> {
        let rules = self.rules();
        match rules.manner {
            Manner::Silent => {
                let broken = stream::once(async { Err::<Vec<u8>, _>(io::Error::other("the door is closed")) });
                Some(Body::from_stream(broken).into_response())
            }
            Manner::Ended if CREDENTIALS.iter().any(|name| request.headers().contains_key(*name)) => {
                let problem = r#"{"type":"urn:ivory-control-plane:problem:unauthenticated","title":"Unauthorized","status":401,
                    "detail":"Unauthorized","code":"unauthenticated","request_id":"door"}"#;
                let kind = [(header::CONTENT_TYPE, "application/problem+json")];
                Some((StatusCode::UNAUTHORIZED, kind, problem).into_response())
            }
            Manner::Open | Manner::Ended => {
                let canned = rules.canned.get(request.uri().path()).filter(|_| request.method() == "GET")?;
                let mut response = Response::builder();
                for (name, value) in &canned.headers {
                    response = response.header(name, value);
                }
                response.body(ended(canned.body.clone().into(), &rules.ending)).ok()
            }
        }
    }
}

async fn pass(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    if let Some(own) = inside.own_answer(&request) {
        return own;
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
    let body = answer.bytes().await?;
    let ending = inside.rules().ending.clone();
    Ok(response.body(ended(body, &ending))?)
}

/// A body with this at the end of every text in it. The page itself is no JSON.
fn ended(body: Bytes, ending: &str) -> Body {
    match serde_json::from_slice(&body) {
        Ok(json) if !ending.is_empty() => Body::from(appended(json, ending).to_string()),
        _ => Body::from(body),
    }
}

/// The same with this at the end of every text.
fn appended(value: Value, ending: &str) -> Value {
    let field = |(name, value): (String, Value)| {
        let value = if AS_THEY_ARE.contains(&name.as_str()) { value } else { appended(value, ending) };
        (name, value)
    };
    match value {
        Value::String(text) => Value::String(text + ending),
        Value::Array(items) => items.into_iter().map(|item| appended(item, ending)).collect(),
        Value::Object(fields) => fields.into_iter().map(field).collect(),
        other => other,
    }
}
