//! `_search`.

mod query;
mod source;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::cluster::Cluster;
use crate::content;
use crate::error::{Detail, Problem, Result};
use crate::index::{Doc, Index};
use crate::server::Reply;
use query::Query;
use source::Selection;

/// Keys of a search that `OpenSearch` has and the stand-in has not.
const NOT_SIMULATED: &[&str] = &[
    "aggregations",
    "aggs",
    "collapse",
    "docvalue_fields",
    "explain",
    "ext",
    "fields",
    "highlight",
    "indices_boost",
    "min_score",
    "pit",
    "post_filter",
    "profile",
    "rescore",
    "script_fields",
    "search_after",
    "seq_no_primary_term",
    "slice",
    "sort",
    "stats",
    "stored_fields",
    "suggest",
    "terminate_after",
    "timeout",
    "track_scores",
    "version",
];

/// What an alias narrows searches to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    query: Arc<Query>,
    given: Value,
}

impl Filter {
    pub(crate) fn parse(given: &Value) -> Result<Self> {
        let Value::Object(query) = given else { return Err(Problem::illegal_argument("failed to parse filter")) };
        Ok(Self { query: Arc::new(Query::parse(query)?), given: given.clone() })
    }

    pub(crate) fn shown(&self) -> Value {
        self.given.clone()
    }
}

struct Search {
    query: Query,
    from: u64,
    size: u64,
    selection: Selection,
    with_total: bool,
}

impl Search {
    fn parse(body: &Map<String, Value>) -> Result<Self> {
        let mut search =
            Self { query: Query::MatchAll, from: 0, size: 10, selection: Selection::All, with_total: true };
        for (key, value) in body {
            match (key.as_str(), value) {
                ("query", Value::Object(query)) => search.query = Query::parse(query)?,
                ("from", Value::Number(_)) => search.from = count("from", value)?,
                ("size", Value::Number(_)) => search.size = count("size", value)?,
                ("_source", _) => search.selection = Selection::parse(value)?,
                ("track_total_hits", Value::Bool(wanted)) => search.with_total = *wanted,
                (key, _) if NOT_SIMULATED.contains(&key) => {
                    return Err(Problem::not_simulated(&format!("[{key}] in a search")));
                }
                _ => return Err(unknown_key(key, value)),
            }
        }
        Ok(search)
    }
}

fn count(key: &str, value: &Value) -> Result<u64> {
    let found = value.as_u64();
    found.ok_or_else(|| Problem::illegal_argument(format!("[{key}] parameter cannot be negative, found [{value}]")))
}

fn unknown_key(key: &str, value: &Value) -> Problem {
    let token = match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    Problem::new(400, Detail::new("parsing_exception", format!("Unknown key for a {token} in [{key}].")))
}

/// A document that fits, with its score.
struct Hit {
    index: String,
    doc: Arc<Doc>,
    score: f32,
}

pub(crate) fn search(call: &Call, cluster: &mut Cluster, expression: &str) -> Result<Reply> {
    call.only(&["allow_no_indices", "expand_wildcards", "ignore_unavailable"])?;
    let body = if call.body.is_empty() { Map::new() } else { content::request(&call.body)? };
    let search = Search::parse(&body)?;
    let names = cluster.resolve(expression)?;
    let (mut hits, mut shards) = (Vec::new(), 0);
    let node = cluster.node.clone();
    for name in names {
        let filters = cluster.filters(expression, &name);
        let Some(index) = cluster.indices.get_mut(&name) else { continue };
        shards += index.settings.shards();
        let found = hits_of(index, &search, &filters).map_err(|failure| failure.problem(index, &node))?;
        hits.extend(found);
    }
    // Equal scores stay in the order of writing.
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    let total = hits.len();
    let max_score = hits.first().filter(|_| search.size > 0).map(|hit| score(hit.score));
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let page: Vec<Value> =
        hits.iter().skip(at(search.from)).take(at(search.size)).map(|hit| shown(hit, &search.selection)).collect();
    let mut found = json!({ "max_score": max_score, "hits": page });
    if search.with_total {
        found["total"] = json!({ "value": total, "relation": "eq" });
    }
    Ok(Reply::ok(json!({
        "took": 1,
        "timed_out": false,
        "_shards": { "total": shards, "successful": shards, "skipped": 0, "failed": 0 },
        "hits": found,
    })))
}

fn hits_of(index: &mut Index, search: &Search, filters: &[Filter]) -> std::result::Result<Vec<Hit>, Failure> {
    let window = search.from.saturating_add(search.size);
    let max = index.settings.max_result_window();
    if window > max {
        return Err(Failure::Window(window, max));
    }
    let docs = index.searchable();
    let mut scores = search.query.scores(&index.mapping, &docs).map_err(Failure::Query)?;
    let mut admitted = vec![filters.is_empty(); docs.len()];
    for filter in filters {
        let scores = filter.query.scores(&index.mapping, &docs).map_err(Failure::Query)?;
        admitted.iter_mut().zip(scores).for_each(|(admitted, score)| *admitted |= score.is_some());
    }
    scores.iter_mut().zip(admitted).filter(|(_, admitted)| !admitted).for_each(|(score, _)| *score = None);
    let hit = |(doc, score): (&Arc<Doc>, Option<f32>)| {
        Some(Hit { index: index.name.clone(), doc: Arc::clone(doc), score: score? })
    };
    Ok(docs.iter().zip(scores).filter_map(hit).collect())
}

/// Why an index could not be searched.
enum Failure {
    /// More than the index gives: asked for, and allowed.
    Window(u64, u64),
    Query(query::Flaw),
}

impl Failure {
    fn problem(self, index: &Index, node: &str) -> Problem {
        let (root, cause) = match self {
            Self::Query(query::Flaw::NotSimulated(what)) => return Problem::not_simulated(&what),
            Self::Query(query::Flaw::Illegal(reason)) => {
                let root = Detail::new("query_shard_exception", format!("failed to create query: {reason}"))
                    .with("index", index.name.as_str())
                    .with("index_uuid", index.uuid.as_str());
                (root.clone().caused_by(Detail::new("illegal_argument_exception", reason)), None)
            }
            Self::Window(window, max) => {
                let root = Detail::new(
                    "illegal_argument_exception",
                    format!(
                        "Result window is too large, from + size must be less than or equal to: [{max}] but was \
                     [{window}]. See the scroll api for a more efficient way to request large data sets. This limit \
                     can be set by changing the [index.max_result_window] index level setting."
                    ),
                );
                (root.clone(), Some(root.clone().caused_by(root)))
            }
        };
        let shard = json!({ "shard": 0, "index": index.name, "node": node, "reason": root.value() });
        let error = Detail::new("search_phase_execution_exception", "all shards failed")
            .with("phase", "query")
            .with("grouped", true)
            .with("failed_shards", json!([shard]));
        Problem::rooted(400, root, cause.into_iter().fold(error, Detail::caused_by))
    }
}

fn shown(hit: &Hit, selection: &Selection) -> Value {
    let mut shown = json!({ "_index": hit.index, "_id": hit.doc.id, "_score": score(hit.score) });
    if let Some(source) = selection.of(&hit.doc.source) {
        shown["_source"] = source.into();
    }
    shown
}

/// The shortest decimal that stands for this score, as the server prints it; widening would print its noise.
fn score(score: f32) -> Value {
    score.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}
