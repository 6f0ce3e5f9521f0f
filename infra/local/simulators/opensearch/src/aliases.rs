//! `/_alias` and `/_aliases`.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::cluster::{Cluster, matches};
use crate::content;
use crate::error::{Detail, Problem, Result};
use crate::index::Alias;
use crate::search::Filter;
use crate::server::Reply;

const TIMEOUTS: &[&str] = &["cluster_manager_timeout", "master_timeout", "timeout"];

/// What is said about an alias; when creating an index the server overlooks what it does not know.
pub(crate) fn parse(given: &Map<String, Value>, strict: bool) -> Result<Alias> {
    let mut alias = Alias::default();
    for (key, value) in given {
        match key.as_str() {
            "is_write_index" => alias.is_write_index = Some(boolean(value)?),
            "filter" => alias.filter = Some(Filter::parse(value)?),
            "index_routing" | "is_hidden" | "routing" | "search_routing" => {
                return Err(Problem::not_simulated(&format!("the alias property [{key}]")));
            }
            _ if strict => return Err(Problem::illegal_argument(format!("unknown field [{key}]"))),
            _ => {}
        }
    }
    Ok(alias)
}

fn boolean(value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| {
        Problem::illegal_argument(format!("Failed to parse value [{value}] as only [true] or [false] are allowed."))
    })
}

/// `GET /_alias`, `/_alias/{names}`, `/{index}/_alias`, `/{index}/_alias/{names}`.
pub(crate) fn show(call: &Call, cluster: &Cluster, expression: &str, names: Option<&str>) -> Result<Reply> {
    call.only(&["local"])?;
    let indices = cluster.resolve(expression)?;
    let wanted: Vec<&str> = names.map(|names| names.split(',').collect()).unwrap_or_default();
    let fits = |name: &str| wanted.is_empty() || wanted.iter().any(|pattern| matches(pattern, name));
    let mut body = Map::new();
    for name in &indices {
        let index = &cluster.indices[name];
        if wanted.is_empty() || index.aliases.keys().any(|alias| fits(alias)) {
            body.insert(name.clone(), json!({ "aliases": index.aliases_shown(fits) }));
        }
    }
    let known = |alias: &str| indices.iter().any(|name| cluster.indices[name].aliases.contains_key(alias));
    let mut missing: Vec<&str> = wanted.iter().copied().filter(|name| !name.contains('*') && !known(name)).collect();
    if missing.is_empty() {
        return Ok(Reply::ok(body.into()));
    }
    missing.sort_unstable();
    let noun = if missing.len() == 1 { "alias" } else { "aliases" };
    body.insert("error".to_owned(), format!("{noun} [{}] missing", missing.join(",")).into());
    body.insert("status".to_owned(), 404.into());
    Ok(Reply::new(404, body.into()))
}

/// `PUT /{index}/_alias/{name}`.
pub(crate) fn put(call: &Call, cluster: &mut Cluster, expression: &str, name: &str) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    let body = if call.body.is_empty() { Map::new() } else { content::request(&call.body)? };
    let alias = parse(&body, true)?;
    let indices = cluster.resolve(expression)?;
    apply(cluster, vec![Action::Add { indices, aliases: vec![name.to_owned()], alias }])
}

/// `DELETE /{index}/_alias/{names}`.
pub(crate) fn delete(call: &Call, cluster: &mut Cluster, expression: &str, names: &str) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    let indices = cluster.resolve(expression)?;
    let aliases = names.split(',').map(str::to_owned).collect();
    apply(cluster, vec![Action::Remove { indices, aliases, must_exist: true }])
}

enum Action {
    Add { indices: Vec<String>, aliases: Vec<String>, alias: Alias },
    Remove { indices: Vec<String>, aliases: Vec<String>, must_exist: bool },
    RemoveIndex { indices: Vec<String> },
}

/// `POST /_aliases`: all actions or none.
pub(crate) fn update(call: &Call, cluster: &mut Cluster) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    if call.body.is_empty() {
        return Err(Problem::new(400, Detail::new("parse_exception", "request body is required")));
    }
    let body = content::request(&call.body)?;
    if let Some(key) = body.keys().find(|key| *key != "actions") {
        return Err(failed_actions(Detail::new(
            "x_content_parse_exception",
            format!("[aliases] unknown field [{key}]"),
        )));
    }
    let actions = body.get("actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if actions.is_empty() {
        return Err(Problem::illegal_argument("No action specified"));
    }
    let actions = actions.iter().map(|action| parse_action(cluster, action)).collect::<Result<Vec<_>>>()?;
    apply(cluster, actions)
}

fn parse_action(cluster: &Cluster, given: &Value) -> Result<Action> {
    let invalid = |kind: &'static str, reason: String| failed_actions(Detail::new(kind, reason));
    let entry = given.as_object().filter(|action| action.len() == 1).and_then(|action| action.iter().next());
    let Some((verb, Value::Object(given))) = entry else {
        return Err(invalid("x_content_parse_exception", "[alias_action] expects one object".to_owned()));
    };
    let allowed: &[&str] = match verb.as_str() {
        "add" => &["index", "indices", "alias", "aliases", "filter", "is_write_index"],
        "remove" => &["index", "indices", "alias", "aliases", "must_exist"],
        "remove_index" => &["index", "indices"],
        _ => return Err(invalid("x_content_parse_exception", format!("[alias_action] unknown field [{verb}]"))),
    };
    if let Some(key) = given.keys().find(|key| !allowed.contains(&key.as_str())) {
        return Err(match key.as_str() {
            "index_routing" | "is_hidden" | "routing" | "search_routing" => {
                Problem::not_simulated(&format!("the alias property [{key}]"))
            }
            _ => invalid("x_content_parse_exception", format!("[{verb}] unknown field [{key}]")),
        });
    }
    let one_of = |single: &str, several: &str| {
        let missing = || invalid("illegal_argument_exception", format!("One of [{single}] or [{several}] is required"));
        let found = given.get(single).or_else(|| given.get(several)).and_then(strings);
        found.filter(|names| !names.is_empty()).ok_or_else(missing)
    };
    let flag = |key: &str| given.get(key).map(boolean).transpose();
    let expressions = one_of("index", "indices")?;
    let resolve = |deleting: bool| {
        let expression = expressions.join(",");
        if deleting { cluster.resolve_for_deletion(&expression) } else { cluster.resolve(&expression) }
    };
    match verb.as_str() {
        "add" => {
            let filter = given.get("filter").map(Filter::parse).transpose()?;
            let alias = Alias { is_write_index: flag("is_write_index")?, filter };
            Ok(Action::Add { aliases: one_of("alias", "aliases")?, indices: resolve(false)?, alias })
        }
        "remove" => {
            let must_exist = flag("must_exist")?.unwrap_or(true);
            Ok(Action::Remove { aliases: one_of("alias", "aliases")?, indices: resolve(false)?, must_exist })
        }
        _ => Ok(Action::RemoveIndex { indices: resolve(true)? }),
    }
}

fn failed_actions(cause: Detail) -> Problem {
    let error = Detail::new("x_content_parse_exception", "[aliases] failed to parse field [actions]");
    Problem::new(400, error.caused_by(cause))
}

fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(name) => Some(vec![name.clone()]),
        Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn apply(cluster: &mut Cluster, actions: Vec<Action>) -> Result<Reply> {
    let mut staged = cluster.clone();
    let removed = actions.iter().filter_map(|action| match action {
        Action::RemoveIndex { indices } => Some(indices),
        Action::Add { .. } | Action::Remove { .. } => None,
    });
    for name in removed.flatten() {
        staged.indices.remove(name);
    }
    for action in actions {
        match action {
            Action::RemoveIndex { .. } => {}
            Action::Add { indices, aliases, alias } => add(&mut staged, &indices, &aliases, &alias)?,
            Action::Remove { indices, aliases, must_exist } => remove(&mut staged, &indices, &aliases, must_exist)?,
        }
    }
    staged.check_write_indices()?;
    *cluster = staged;
    Ok(Reply::ok(json!({ "acknowledged": true })))
}

fn add(cluster: &mut Cluster, indices: &[String], aliases: &[String], alias: &Alias) -> Result<()> {
    for name in aliases {
        cluster.check_alias(name)?;
        for index in indices {
            let index = cluster.indices.get_mut(index).ok_or_else(|| Problem::no_such_index(index))?;
            index.aliases.insert(name.clone(), alias.clone());
        }
    }
    Ok(())
}

fn remove(cluster: &mut Cluster, indices: &[String], aliases: &[String], must_exist: bool) -> Result<()> {
    for name in aliases {
        let mut found = false;
        for index in indices {
            if let Some(index) = cluster.indices.get_mut(index) {
                found |= index.aliases.remove(name).is_some();
            }
        }
        if must_exist && !found {
            let detail = Detail::new("aliases_not_found_exception", format!("aliases [{name}] missing"));
            return Err(Problem::new(404, detail.with("resource.id", name.as_str()).with("resource.type", "aliases")));
        }
    }
    Ok(())
}
