//! `/{index}`: creating, showing, refreshing and deleting indexes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::aliases;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::content;
use crate::error::{Detail, Problem, Result};
use crate::index::{Alias, Index};
use crate::mapping::Mapping;
use crate::names;
use crate::server::Reply;
use crate::settings::Settings;

const TIMEOUTS: &[&str] = &["cluster_manager_timeout", "master_timeout", "timeout", "wait_for_active_shards"];

pub(crate) fn create(call: &Call, cluster: &mut Cluster, name: &str) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    let body = content::configuration(&call.body)?;
    let section = |key: &str| section(&body, key);
    let (settings, mappings, aliases) = (section("settings")?, section("mappings")?, section("aliases")?);
    if let Some(key) = body.keys().find(|key| !["settings", "mappings", "aliases"].contains(&key.as_str())) {
        let reason = format!("unknown key [{key}] for create index");
        return Err(Problem::new(400, Detail::new("parse_exception", reason)));
    }
    let aliases = parse_aliases(&aliases)?;
    check_free(cluster, name)?;
    let settings = Settings::parse(&settings)?;
    let mapping = Mapping::parse(&mappings, settings.knn())?;
    for alias in aliases.keys() {
        cluster.check_alias(alias)?;
    }
    let index = Index::new(name, settings, mapping, aliases);
    if index.aliases.contains_key(name) {
        let reason = format!(
            "index, alias, and data stream names need to be unique, but the following duplicates were found \
             [{name} (alias of [{name}/{}]) conflicts with index]",
            index.uuid
        );
        return Err(Problem::new(500, Detail::new("illegal_state_exception", reason)));
    }
    let mut staged = cluster.clone();
    staged.indices.insert(name.to_owned(), index);
    staged.check_write_indices()?;
    *cluster = staged;
    Ok(Reply::ok(json!({ "acknowledged": true, "shards_acknowledged": true, "index": name })))
}

fn section(body: &Map<String, Value>, key: &str) -> Result<Map<String, Value>> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(section)) => Ok(section.clone()),
        Some(_) => {
            let reason = format!("key [{key}] must be an object");
            Err(Problem::new(400, Detail::new("parse_exception", reason)))
        }
    }
}

fn parse_aliases(given: &Map<String, Value>) -> Result<BTreeMap<String, Alias>> {
    let alias = |(name, value): (&String, &Value)| {
        let properties = value.as_object().ok_or_else(|| Problem::illegal_argument("No alias is specified"))?;
        Ok((name.clone(), aliases::parse(properties, false)?))
    };
    given.iter().map(alias).collect()
}

fn check_free(cluster: &Cluster, name: &str) -> Result<()> {
    names::check_index(name)?;
    if let Some(index) = cluster.indices.get(name) {
        let uuid = index.uuid.as_str();
        let detail = Detail::new("resource_already_exists_exception", format!("index [{name}/{uuid}] already exists"));
        return Err(Problem::new(400, detail.with("index", name).with("index_uuid", uuid)));
    }
    if cluster.is_alias(name) {
        return Err(names::invalid_index(name, ", already exists as alias"));
    }
    Ok(())
}

pub(crate) fn show(call: &Call, cluster: &Cluster, expression: &str) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    each(cluster, expression, Index::shown)
}

pub(crate) fn show_mapping(call: &Call, cluster: &Cluster, expression: &str) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    each(cluster, expression, |index| json!({ "mappings": index.mapping.shown() }))
}

fn each(cluster: &Cluster, expression: &str, show: impl Fn(&Index) -> Value) -> Result<Reply> {
    let names = cluster.resolve(expression)?;
    let shown = names.into_iter().map(|name| (name.clone(), show(&cluster.indices[&name])));
    Ok(Reply::ok(shown.collect::<Map<_, _>>().into()))
}

pub(crate) fn delete(call: &Call, cluster: &mut Cluster, expression: &str) -> Result<Reply> {
    call.only(TIMEOUTS)?;
    for name in cluster.resolve_for_deletion(expression)? {
        cluster.indices.remove(&name);
    }
    Ok(Reply::ok(json!({ "acknowledged": true })))
}

pub(crate) fn refresh(call: &Call, cluster: &mut Cluster, expression: &str) -> Result<Reply> {
    call.only(&[])?;
    let (mut total, mut successful) = (0, 0);
    for name in cluster.resolve(expression)? {
        if let Some(index) = cluster.indices.get_mut(&name) {
            index.refresh();
            total += index.settings.shards() * (1 + index.settings.replicas());
            successful += index.settings.shards();
        }
    }
    Ok(Reply::ok(json!({ "_shards": { "total": total, "successful": successful, "failed": 0 } })))
}
