//! Maps requests to actions.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use simulator::{Call, headers, json_object};

use crate::catalog::Catalog;
use crate::namespaces::Levels;
use crate::problem::{Problem, Result};

/// The parameters of `listTables`, with the same paging.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Paging {
    #[serde(rename = "pageToken")]
    _page_token: Option<String>,
    #[serde(rename = "pageSize")]
    _page_size: Option<NonZeroU32>,
}

/// The parameters of `dropTable`. No table has data here, so there is nothing else to purge.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropping {
    #[serde(default, rename = "purgeRequested")]
    _purge_requested: bool,
}

/// The parameters of `listNamespaces`. A server without paging returns everything and ignores the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Listing {
    parent: Option<String>,
    #[serde(rename = "pageToken")]
    _page_token: Option<String>,
    #[serde(rename = "pageSize")]
    _page_size: Option<NonZeroU32>,
}

/// For routes without parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(crate) async fn handle(
    State(catalog): State<Arc<Catalog>>,
    headers: HeaderMap,
    call: std::result::Result<Call, BytesRejection>,
) -> Result<Response> {
    authenticate(&headers, &catalog.token)?;
    let content = answer(&catalog, &call.map_err(|_| Problem::too_large())?)?;
    Ok(content.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |content| Json(content).into_response()))
}

/// IOMETE accepts a token in one of two headers. A bearer token takes precedence, even if the other header has the
/// right one.
fn authenticate(headers: &HeaderMap, token: &SecretString) -> Result<()> {
    let given = headers::bearer(headers).or_else(|| headers::text(headers, "x-api-token"));
    if given.is_some_and(|given| headers::is_secret(given, token)) { Ok(()) } else { Err(Problem::not_authorized()) }
}

/// The content of a successful answer: 200 with it, 204 without.
fn answer(catalog: &Catalog, call: &Call) -> Result<Option<Value>> {
    let (method, path) = (call.method.as_str(), call.uri.path());
    let unknown = || Problem::no_route(method, path);
    let segments: Vec<String> = path.trim_start_matches('/').split('/').map(decode).collect::<Result<_>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["catalogs", name, "v1", route @ ..] = segments.as_slice() else { return Err(unknown()) };
    if *name != catalog.name {
        return Err(unknown());
    }
    if let ("GET", ["config"]) = (method, route) {
        return catalog.configuration(query(call)?).map(Some);
    }
    let [prefix, "namespaces", route @ ..] = route else { return Err(unknown()) };
    if *prefix != catalog.prefix {
        return Err(unknown());
    }
    let mut namespaces = catalog.namespaces.lock();
    match (method, route) {
        ("POST", []) => namespaces.create(body(call)?).map(Some),
        ("GET", []) => {
            // An empty parent counts as none.
            let parent = query::<Listing>(call)?.parent.filter(|parent| !parent.is_empty());
            namespaces.list(parent.map(|parent| Levels::parse(&parent)).transpose()?.as_ref()).map(Some)
        }
        ("GET", [namespace]) => namespaces.load(&only(call, namespace)?).map(Some),
        ("HEAD", [namespace]) => namespaces.load(&only(call, namespace)?).map(|_| None),
        ("DELETE", [namespace]) => namespaces.remove(&only(call, namespace)?).map(|()| None),
        ("POST", [namespace, "properties"]) => namespaces.update(&Levels::parse(namespace)?, body(call)?).map(Some),
        ("GET", [namespace, "tables"]) => {
            query::<Paging>(call)?;
            namespaces.tables(&Levels::parse(namespace)?).map(Some)
        }
        ("POST", [namespace, "tables"]) => {
            namespaces.create_table(&Levels::parse(namespace)?, body(call)?, catalog.warehouse()).map(Some)
        }
        ("DELETE", [namespace, "tables", table]) => {
            query::<Dropping>(call)?;
            namespaces.drop_table(&Levels::parse(namespace)?, table).map(|()| None)
        }
        _ => Err(unknown()),
    }
}

fn decode(segment: &str) -> Result<String> {
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.map(Into::into).map_err(|_| Problem::bad_request("the path is not UTF-8"))
}

/// The namespace in the path of a request that has neither parameters nor a body.
fn only(call: &Call, namespace: &str) -> Result<Levels> {
    let Nothing {} = query(call)?;
    Levels::parse(namespace)
}

/// The parameters of a request without a body.
fn query<T: DeserializeOwned>(call: &Call) -> Result<T> {
    if !call.body.is_empty() {
        return Err(Problem::bad_request("no body is expected"));
    }
    serde_urlencoded::from_str(call.query()).map_err(|error| Problem::bad_request(error.to_string()))
}

/// The body of a request without parameters.
fn body<T: DeserializeOwned>(call: &Call) -> Result<T> {
    if !call.query().is_empty() {
        return Err(Problem::bad_request("no parameters are expected"));
    }
    json_object(&call.headers, &call.body).map_err(|wrong| Problem::bad_request(wrong.0))
}
