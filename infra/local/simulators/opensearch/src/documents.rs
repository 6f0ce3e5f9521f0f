//! Single documents, and `_bulk`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::cluster::Cluster;
use crate::content;
use crate::error::{Detail, Problem, Result};
use crate::server::Reply;

/// The longest id, in bytes.
const MAX_ID: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refresh {
    No,
    /// At once, and the answer says so.
    Forced,
    /// The server answers after the next refresh; here it happens at once.
    WaitFor,
}

impl Refresh {
    fn of(call: &Call) -> Result<Self> {
        match call.param("refresh") {
            None | Some("false") => Ok(Self::No),
            Some("" | "true") => Ok(Self::Forced),
            Some("wait_for") => Ok(Self::WaitFor),
            Some(other) => Err(Problem::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
        }
    }
}

/// `PUT /{index}/_doc/{id}` and, where nothing may be overwritten, `PUT /{index}/_create/{id}`.
pub(crate) fn put(call: &Call, cluster: &mut Cluster, name: &str, id: &str, create: bool) -> Result<Reply> {
    call.only(&["refresh", "timeout"])?;
    let refresh = Refresh::of(call)?;
    if call.body.is_empty() {
        return Err(Problem::new(400, Detail::new("parse_exception", "request body is required")));
    }
    let source = content::object(&call.body).map_err(|cause| {
        Problem::new(400, Detail::new("mapper_parsing_exception", "failed to parse").caused_by(*cause))
    })?;
    let (status, body) = write(cluster, name, id, source, create, refresh)?;
    Ok(Reply::new(status, body.into()))
}

fn write(
    cluster: &mut Cluster,
    name: &str,
    id: &str,
    source: Map<String, Value>,
    create: bool,
    refresh: Refresh,
) -> Result<(u16, Map<String, Value>)> {
    if id.len() > MAX_ID {
        let reason = format!(
            "Validation Failed: 1: id [{id}] is too long, must be no longer than {MAX_ID} bytes but was: {};",
            id.len()
        );
        return Err(Problem::new(400, Detail::new("action_request_validation_exception", reason)));
    }
    let index = cluster.write_target(name)?;
    let doc = index.put(id, source, create)?;
    let (version, seq_no) = (doc.version, doc.seq_no);
    let mut body = Map::new();
    body.insert("_index".to_owned(), index.name.as_str().into());
    body.insert("_id".to_owned(), id.into());
    body.insert("_version".to_owned(), version.into());
    body.insert("result".to_owned(), if version == 1 { "created" } else { "updated" }.into());
    body.insert("_shards".to_owned(), index.write_shards());
    body.insert("_seq_no".to_owned(), seq_no.into());
    body.insert("_primary_term".to_owned(), 1.into());
    if refresh != Refresh::No {
        index.refresh();
    }
    if refresh == Refresh::Forced {
        body.insert("forced_refresh".to_owned(), true.into());
    }
    Ok((if version == 1 { 201 } else { 200 }, body))
}

/// `POST /{index}/_doc`: under an id of the server's choice.
pub(crate) fn post(call: &Call, cluster: &mut Cluster, name: &str) -> Result<Reply> {
    // 15 random bytes, as long as the server's own ids.
    let id = URL_SAFE_NO_PAD.encode(&uuid::Uuid::new_v4().as_bytes()[..15]);
    put(call, cluster, name, &id, true)
}

/// `GET /{index}/_doc/{id}`: what was written, refreshed or not.
pub(crate) fn get(call: &Call, cluster: &Cluster, name: &str, id: &str) -> Result<Reply> {
    call.only(&["realtime"])?;
    let names = cluster.resolve(name)?;
    let [name] = names.as_slice() else {
        return Err(Problem::illegal_argument(format!(
            "alias [{name}] has more than one index associated with it [{}], can't execute a single index op",
            names.join(", ")
        )));
    };
    Ok(match cluster.indices[name].get(id) {
        None => Reply::new(404, json!({ "_index": name, "_id": id, "found": false })),
        Some(doc) => Reply::ok(json!({
            "_index": name,
            "_id": id,
            "_version": doc.version,
            "_seq_no": doc.seq_no,
            "_primary_term": 1,
            "found": true,
            "_source": doc.source,
        })),
    })
}

/// `POST /_bulk`: `index` and `create` with given ids, each on its own.
pub(crate) fn bulk(call: &Call, cluster: &mut Cluster, default: Option<&str>) -> Result<Reply> {
    call.only(&["refresh", "timeout"])?;
    let refresh = Refresh::of(call)?;
    if call.body.last() != Some(&b'\n') {
        return Err(Problem::illegal_argument("The bulk request must be terminated by a newline [\\n]"));
    }
    let mut lines = call.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut items = Vec::new();
    let mut errors = false;
    while let Some(action) = lines.next() {
        let action = BulkAction::parse(action, default)?;
        let source = lines.next().ok_or_else(|| Problem::illegal_argument("The bulk request has no source"))?;
        let source = content::request(source)?;
        let (status, mut item) =
            match write(cluster, &action.index, &action.id, source, action.verb == "create", refresh) {
                Ok(done) => done,
                Err(problem) => {
                    errors = true;
                    let index = cluster.write_target(&action.index)?.name.clone();
                    let item = [("_index", index.into()), ("_id", action.id.into()), ("error", problem.inner())];
                    (problem.status, item.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }
            };
        item.insert("status".to_owned(), status.into());
        items.push(Value::Object(Map::from_iter([(action.verb.to_owned(), item.into())])));
    }
    Ok(Reply::ok(json!({ "took": 1, "errors": errors, "items": items })))
}

struct BulkAction {
    verb: &'static str,
    index: String,
    id: String,
}

impl BulkAction {
    fn parse(line: &[u8], default: Option<&str>) -> Result<Self> {
        let line = content::request(line)?;
        let (verb, target) = match line.iter().next() {
            Some((verb, target)) if verb == "index" => ("index", target),
            Some((verb, target)) if verb == "create" => ("create", target),
            _ => return Err(Problem::not_simulated("bulk actions other than [index] and [create]")),
        };
        let text = |key: &str| target.get(key).and_then(Value::as_str).map(str::to_owned);
        let index = text("_index").or_else(|| default.map(str::to_owned));
        let index = index.ok_or_else(|| Problem::illegal_argument("Validation Failed: 1: index is missing;"))?;
        let id = text("_id").ok_or_else(|| Problem::not_simulated("documents without an id"))?;
        Ok(Self { verb, index, id })
    }
}
