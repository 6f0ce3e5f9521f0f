//! One request, read completely.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Problem, Result};

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// As sent, still percent-encoded.
    pub(crate) path: String,
    /// The path's parts, decoded.
    pub(crate) segments: Vec<String>,
    query: BTreeMap<String, String>,
    is_json: bool,
    body: Bytes,
}

impl Call {
    pub(crate) fn new(
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Self> {
        let segments = path.trim_start_matches('/').split('/').map(decode).collect::<Result<_>>()?;
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
        Ok(Self {
            method,
            path: path.to_owned(),
            segments,
            query: parameters(query.unwrap_or_default())?,
            is_json,
            body,
        })
    }

    /// The query's parameters, all of which have to be among these, of a request without a body.
    pub(crate) fn query(&self, known: &[&str]) -> Result<&BTreeMap<String, String>> {
        if !self.body.is_empty() {
            return Err(Problem::bad_request("Malformed request: no body is expected"));
        }
        self.only(known)?;
        Ok(&self.query)
    }

    /// The body, an object of a known shape, of a request without parameters.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T> {
        self.only(&[])?;
        if !self.is_json {
            return Err(Problem::bad_request("Malformed request: the content type is not application/json"));
        }
        // By way of an object: the shape alone would fit an array, too.
        let object: Map<String, Value> = serde_json::from_slice(&self.body)
            .map_err(|_| Problem::bad_request("Malformed request: the body is not a JSON object"))?;
        serde_json::from_value(Value::Object(object)).map_err(|_| {
            Problem::bad_request("Malformed request: a field is missing, unknown or of another type than specified")
        })
    }

    fn only(&self, known: &[&str]) -> Result<()> {
        match self.query.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Problem::bad_request(format!("Unknown parameter: {name}"))),
        }
    }
}

fn decode(segment: &str) -> Result<String> {
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.map(Into::into).map_err(|_| Problem::bad_request("Malformed request: the path is not UTF-8"))
}

fn parameters(query: &str) -> Result<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        if parameters.insert(name.clone(), value).is_some() {
            return Err(Problem::bad_request(format!("Parameter given twice: {name}")));
        }
    }
    Ok(parameters)
}
