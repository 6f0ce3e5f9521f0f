//! Which request does what.

use serde_json::Value;

use crate::call::Call;
use crate::catalog::Catalog;
use crate::error::{Problem, Result};
use crate::namespaces::Levels;

/// A successful answer's content: 200 with something, 204 without.
pub(crate) type Content = Option<Value>;

pub(crate) fn answer(catalog: &Catalog, call: &Call) -> Result<Content> {
    let unknown = || Problem::no_route(call.method.as_str(), &call.path);
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let ["catalogs", name, "v1", route @ ..] = segments.as_slice() else { return Err(unknown()) };
    if *name != catalog.name {
        return Err(unknown());
    }
    if let ("GET", ["config"]) = (call.method.as_str(), route) {
        return catalog.configuration(call).map(Some);
    }
    let [prefix, "namespaces", route @ ..] = route else { return Err(unknown()) };
    if *prefix != catalog.prefix {
        return Err(unknown());
    }
    let mut namespaces = catalog.namespaces();
    match (call.method.as_str(), route) {
        ("POST", []) => namespaces.create(call.body()?).map(Some),
        ("GET", []) => namespaces.list(parent(call)?.as_ref()).map(Some),
        ("GET", [namespace]) => namespaces.load(&alone(call, namespace)?).map(Some),
        ("HEAD", [namespace]) => namespaces.load(&alone(call, namespace)?).map(|_| None),
        ("DELETE", [namespace]) => namespaces.remove(&alone(call, namespace)?).map(|()| None),
        ("POST", [namespace, "properties"]) => namespaces.update(&Levels::parse(namespace)?, call.body()?).map(Some),
        _ => Err(unknown()),
    }
}

/// The namespace in the path of a request that says nothing else.
fn alone(call: &Call, namespace: &str) -> Result<Levels> {
    call.query(&[])?;
    Levels::parse(namespace)
}

/// What to list below. An empty `parent` is none; a server without paging gives everything, whatever page is asked for.
fn parent(call: &Call) -> Result<Option<Levels>> {
    let query = call.query(&["parent", "pageToken", "pageSize"])?;
    if query.get("pageSize").is_some_and(|size| size.parse::<u32>().ok().is_none_or(|size| size == 0)) {
        return Err(Problem::bad_request("pageSize is a whole number from 1"));
    }
    query.get("parent").filter(|parent| !parent.is_empty()).map(|parent| Levels::parse(parent)).transpose()
}
