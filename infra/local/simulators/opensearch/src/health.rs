//! What the cluster says about itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::Call;
use crate::cluster::Cluster;
use crate::error::{Problem, Result};
use crate::index::Index;
use crate::server::Reply;

/// `GET /`, as a 2.19.1 build answers.
pub(crate) fn root(call: &Call, cluster: &Cluster) -> Result<Reply> {
    call.only(&[])?;
    Ok(Reply::ok(json!({
        "name": cluster.name,
        "cluster_name": cluster.name,
        "cluster_uuid": cluster.node,
        "version": {
            "distribution": "opensearch",
            "number": "2.19.1",
            "build_type": "unknown",
            "build_hash": "2e4741fb45d1b150aaeeadf66d41445b23ff5982",
            "build_date": "2025-02-27T01:16:47.726162386Z",
            "build_snapshot": false,
            "lucene_version": "9.12.1",
            "minimum_wire_compatibility_version": "7.10.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "The OpenSearch Project: https://opensearch.org/",
    })))
}

/// Primaries are there at once; replicas never, for there is only one node.
fn colour(index: &Index) -> &'static str {
    if index.settings.replicas() == 0 { "green" } else { "yellow" }
}

/// `GET /_cluster/health`.
pub(crate) fn health(call: &Call, cluster: &Cluster, expression: &str) -> Result<Reply> {
    call.only(&["cluster_manager_timeout", "timeout", "wait_for_status"])?;
    let names = cluster.resolve(expression)?;
    let indices = || names.iter().map(|name| &cluster.indices[name]);
    let active: u64 = indices().map(|index| index.settings.shards()).sum();
    let unassigned: u64 = indices().map(|index| index.settings.shards() * index.settings.replicas()).sum();
    let status = if unassigned == 0 { "green" } else { "yellow" };
    let timed_out = match call.param("wait_for_status") {
        None | Some("yellow" | "red" | "YELLOW" | "RED") => false,
        Some("green" | "GREEN") => status != "green",
        Some(other) => {
            return Err(Problem::illegal_argument(format!(
                "No enum constant org.opensearch.cluster.health.ClusterHealthStatus.{}",
                other.to_uppercase()
            )));
        }
    };
    let body = json!({
        "cluster_name": cluster.name,
        "status": status,
        "timed_out": timed_out,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "discovered_master": true,
        "discovered_cluster_manager": true,
        "active_primary_shards": active,
        "active_shards": active,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": unassigned,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": percent(active, active + unassigned),
    });
    if timed_out {
        let timeout = call.duration("timeout")?.unwrap_or(Duration::from_secs(30));
        return Ok(Reply::new(408, body).after(timeout));
    }
    Ok(Reply::ok(body))
}

fn percent(part: u64, whole: u64) -> f64 {
    let as_f64 = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if whole == 0 { 100.0 } else { as_f64(part) * 100.0 / as_f64(whole) }
}

/// `GET /_cat/indices?format=json`.
pub(crate) fn cat_indices(call: &Call, cluster: &Cluster, expression: &str) -> Result<Reply> {
    call.only(&["format", "v"])?;
    if call.param("format") != Some("json") {
        return Err(Problem::not_simulated("formats of _cat other than json"));
    }
    let row = |name: String| {
        let index = &cluster.indices[&name];
        let size = format!("{}b", index.bytes());
        json!({
            "health": colour(index),
            "status": "open",
            "index": name,
            "uuid": index.uuid,
            "pri": index.settings.shards().to_string(),
            "rep": index.settings.replicas().to_string(),
            "docs.count": index.count().to_string(),
            "docs.deleted": "0",
            "store.size": size,
            "pri.store.size": size,
        })
    };
    Ok(Reply::ok(cluster.resolve(expression)?.into_iter().map(row).collect::<Vec<Value>>().into()))
}
