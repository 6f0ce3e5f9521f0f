//! Reading a request.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::headers;

/// A request, read completely. It is for vendors that check every request in the same way before they look at its path.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, percent-encoded as sent.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// The query; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = BytesRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, BytesRejection> {
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        Ok(Self { method, uri, headers, body: Bytes::from_request(request, state).await? })
    }
}

/// What is wrong with a body. The text does not quote the body.
#[derive(Debug)]
pub struct NotAnObject(pub String);

/// A body that must be a JSON object of a known shape.
pub fn json_object<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, NotAnObject> {
    if !headers::is_of_type(headers, "application/json") {
        return Err(NotAnObject("the request body must be application/json".to_owned()));
    }
    // In two steps, because an array of the right values would also fit the shape.
    let object: Result<Map<String, Value>, _> = serde_json::from_slice(body);
    object
        .and_then(|object| serde_json::from_value(Value::Object(object)))
        .map_err(|error| NotAnObject(error.to_string()))
}
