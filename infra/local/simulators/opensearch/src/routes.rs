//! Which request does what.

use axum::http::Method;

use crate::call::Call;
use crate::cluster::Cluster;
use crate::error::{Problem, Result};
use crate::server::Reply;
use crate::{aliases, documents, health, indices, search};

const ALL: &str = "_all";

pub(crate) fn answer(call: &Call, cluster: &mut Cluster) -> Result<Reply> {
    // HEAD is GET without a body.
    let method = if call.method == Method::HEAD { "GET" } else { call.method.as_str() };
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (method, segments.as_slice()) {
        ("GET", []) => health::root(call, cluster),
        ("GET", ["_cluster", "health"]) => health::health(call, cluster, ALL),
        ("GET", ["_cluster", "health", index]) => health::health(call, cluster, index),
        ("GET", ["_cat", "indices"]) => health::cat_indices(call, cluster, ALL),
        ("GET", ["_cat", "indices", index]) => health::cat_indices(call, cluster, index),
        ("GET", ["_alias" | "_aliases"]) => aliases::show(call, cluster, ALL, None),
        ("GET", ["_alias", names]) => aliases::show(call, cluster, ALL, Some(names)),
        ("GET", [index, "_alias"]) => aliases::show(call, cluster, index, None),
        ("GET", [index, "_alias", names]) => aliases::show(call, cluster, index, Some(names)),
        ("PUT" | "POST", [index, "_alias", name]) => aliases::put(call, cluster, index, name),
        ("DELETE", [index, "_alias", names]) => aliases::delete(call, cluster, index, names),
        ("POST", ["_aliases"]) => aliases::update(call, cluster),
        ("GET", ["_mapping"]) => indices::show_mapping(call, cluster, ALL),
        ("GET", [index, "_mapping"]) => indices::show_mapping(call, cluster, index),
        ("GET" | "POST", ["_refresh"]) => indices::refresh(call, cluster, ALL),
        ("GET" | "POST", [index, "_refresh"]) => indices::refresh(call, cluster, index),
        ("GET" | "POST", ["_search"]) => search::search(call, cluster, ALL),
        ("GET" | "POST", [index, "_search"]) => search::search(call, cluster, index),
        ("PUT" | "POST", ["_bulk"]) => documents::bulk(call, cluster, None),
        ("PUT" | "POST", [index, "_bulk"]) => documents::bulk(call, cluster, Some(index)),
        ("POST", [index, "_doc"]) => documents::post(call, cluster, index),
        ("GET", [index, "_doc", id]) => documents::get(call, cluster, index, id),
        ("PUT" | "POST", [index, "_doc", id]) => documents::put(call, cluster, index, id, false),
        ("PUT" | "POST", [index, "_create", id]) => documents::put(call, cluster, index, id, true),
        (_, ["_cluster" | "_cat" | "_alias" | "_mapping" | "_refresh" | "_search" | "_bulk" | "_plugins", ..]) => {
            Err(Problem::not_simulated(&format!("{method} {}", call.path)))
        }
        (_, ["_aliases"]) => Err(wrong_method(call, "POST, GET")),
        ("GET", [index]) => indices::show(call, cluster, index),
        ("PUT", [index]) => indices::create(call, cluster, index),
        ("DELETE", [index]) => indices::delete(call, cluster, index),
        (_, [_]) => Err(wrong_method(call, "HEAD, DELETE, GET, PUT")),
        (_, [_, "_doc" | "_create", ..]) => Err(Problem::not_simulated(&format!("{method} {}", call.path))),
        _ => Err(Problem::no_handler(&call.path, call.method.as_str())),
    }
}

fn wrong_method(call: &Call, allowed: &str) -> Problem {
    let (path, method) = (&call.path, call.method.as_str());
    let text = format!("Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{allowed}]");
    Problem::sentence(405, text)
}
