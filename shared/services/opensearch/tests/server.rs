//! The client against a running OpenSearch with the k-NN plugin, whose endpoint is in `TEST_OPENSEARCH_URL`. The engine
//! is lucene, because it needs no native library. Each test uses its own names and does not change the cluster's
//! settings, so that other tests can use the node at the same time.

#![allow(clippy::disallowed_methods, reason = "a test takes its server from the environment")]

use std::time::Duration;

use opensearch::{
    Auth, Difference, Dimension, Engine, Ensured, Error, Found, IndexSpec, MappingVersion, OpenSearch, Seen, SeenAlias,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

/// The index was there, as it is created now.
const ADOPTED: Ensured = Ensured::Adopted(MappingVersion::CURRENT);

/// The client under test, and the server without credentials.
struct Bench {
    opensearch: OpenSearch,
    http: Client,
    endpoint: String,
    /// The alias of this test. Its index has the same name with `_v1`.
    alias: String,
    index: String,
}

impl Bench {
    fn new() -> Self {
        let endpoint = std::env::var("TEST_OPENSEARCH_URL").expect("TEST_OPENSEARCH_URL is set");
        // A server without the security plugin ignores it.
        let auth = Auth::Basic { username: "admin".to_owned(), password: "admin".into() };
        let opensearch = OpenSearch::new(&endpoint, auth).expect("an endpoint");
        let alias = format!("client_{}", Uuid::new_v4().simple());
        let index = format!("{alias}_v1");
        Self { opensearch, http: http_kit::client(Duration::from_secs(10)), endpoint, alias, index }
    }

    fn spec(&self) -> IndexSpec<'_> {
        let dimension = Dimension::new(4).expect("valid");
        IndexSpec { index: &self.index, alias: &self.alias, engine: Engine::Lucene, dimension, replicas: 0 }
    }

    async fn ensure(&self) -> Result<Ensured, Error> {
        self.opensearch.ensure_knn_index(&self.spec()).await
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}/{path}", self.endpoint.trim_end_matches('/')));
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn done(&self, method: Method, path: &str, body: Value) {
        let (status, answer) = self.ask(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
    }

    /// The documents that a filtered vector search finds, the nearest to (1, 0, 0, 0) first, and equally near ones by id.
    async fn found(&self, filter: &Value) -> Vec<String> {
        let knn = json!({ "vector": [1.0, 0.0, 0.0, 0.0], "k": 9, "filter": filter });
        let search = json!({ "query": { "knn": { "embedding": knn } }, "sort": ["_score", { "_id": "asc" }] });
        let (_, mut found) = self.ask(Method::POST, &format!("{}/_search", self.alias), search).await;
        let Value::Array(hits) = found["hits"]["hits"].take() else { panic!("{found}") };
        hits.iter().filter_map(|hit| hit["_id"].as_str().map(str::to_owned)).collect()
    }

    /// The version that the index says in its mapping.
    async fn version(&self) -> Value {
        let (_, mut found) = self.ask(Method::GET, &format!("{}/_mapping", self.index), Value::Null).await;
        found[&self.index]["mappings"]["_meta"]["ivory_mapping_version"].take()
    }

    async fn holders(&self) -> Value {
        self.ask(Method::GET, &format!("_alias/{}", self.alias), Value::Null).await.1
    }

    /// Lets the next index exceed the limit of shards, as its replicas count 255. There is still room for 200 shards of
    /// other users of the cluster.
    async fn fill(&self, filler: &str) {
        let (_, health) = self.ask(Method::GET, "_cluster/health", Value::Null).await;
        let open = ["active_shards", "unassigned_shards", "initializing_shards"].map(|kind| health[kind].as_u64());
        let open: u64 = open.into_iter().flatten().sum();
        let (_, settings) =
            self.ask(Method::GET, "_cluster/settings?include_defaults&flat_settings", Value::Null).await;
        let limit = &settings["defaults"]["cluster.max_shards_per_node"];
        let limit: u64 = limit.as_str().and_then(|limit| limit.parse().ok()).expect("a limit");
        let replicas = (limit - 201).checked_sub(open).expect("room for a test on this node");
        self.done(Method::PUT, filler, json!({ "settings": { "number_of_replicas": replicas } })).await;
    }

    async fn clean_up(&self, indices: &[&str]) {
        for index in indices {
            self.done(Method::DELETE, index, Value::Null).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn an_index_is_created_once_and_searchable_by_its_alias() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    assert_eq!(bench.ensure().await, Ok(Ensured::Created));
    for _ in 0..2 {
        assert_eq!(bench.ensure().await, Ok(ADOPTED));
    }
    assert_eq!(bench.holders().await, json!({ index: { "aliases": { alias: { "is_write_index": true } } } }));

    for (id, embedding) in [("near", [1.0, 0.1, 0.0, 0.0]), ("far", [0.0, 0.0, 0.0, 9.0])] {
        let document = json!({
            "document_id": id, "title": "Title", "content": "Text", "source": "test", "created_at": "2026-11-21T12:00:00Z",
            "metadata": { "any": { "thing": [1, "x", null] } }, "embedding": embedding,
        });
        bench.done(Method::PUT, &format!("{alias}/_doc/{id}?refresh=true"), document).await;
    }
    assert_eq!(bench.found(&json!({ "match_all": {} })).await, ["near", "far"]);

    let (status, _) = bench.ask(Method::POST, &format!("{alias}/_doc"), json!({ "titel": "misspelt" })).await;
    assert_eq!(status, 400, "the mapping is strict");
    assert_eq!(bench.ensure().await, Ok(ADOPTED), "documents do not make a difference");
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_search_is_filtered_by_any_metadata() {
    let bench = Bench::new();
    bench.ensure().await.expect("created");
    let documents = [
        ("a", json!({ "source": "report", "page": 7, "tags": ["x", "y"], "by": { "name": "Zoë" }, "draft": false })),
        // The same keys with values of other types: none of them became a field of the mapping.
        ("b", json!({ "source": { "kind": "mail" }, "page": "vii", "tags": "x", "by": null, "draft": "no" })),
        ("c", json!({})),
    ];
    for (id, metadata) in documents {
        let document = json!({ "metadata": metadata, "embedding": [1.0, 0.0, 0.0, 0.0] });
        bench.done(Method::PUT, &format!("{}/_doc/{id}?refresh=true", bench.alias), document).await;
    }
    for (filter, ids) in [
        (json!({ "term": { "metadata.source": "report" } }), &["a"][..]),
        (json!({ "term": { "metadata.source.kind": "mail" } }), &["b"]),
        (json!({ "term": { "metadata.page": 7 } }), &["a"]),
        (json!({ "terms": { "metadata.tags": ["x", "z"] } }), &["a", "b"]),
        (json!({ "term": { "metadata.by.name": "Zoë" } }), &["a"]),
        (json!({ "term": { "metadata.draft": false } }), &["a"]),
        (json!({ "prefix": { "metadata.source": "rep" } }), &["a"]),
        (json!({ "exists": { "field": "metadata.page" } }), &["a", "b"]),
        (json!({ "term": { "metadata.source": "other" } }), &[]),
    ] {
        assert_eq!(bench.found(&filter).await, ids, "{filter}");
    }
    bench.clean_up(&[&bench.index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn an_index_of_the_first_release_is_adopted_and_can_be_found() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    // What the first release sent.
    let first = json!({
        "settings": { "index": { "knn": true, "number_of_shards": 1, "number_of_replicas": 0 } },
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "document_id": { "type": "keyword" },
                "title": { "type": "text" },
                "content": { "type": "text" },
                "source": { "type": "keyword" },
                "metadata": { "type": "object", "enabled": false },
                "created_at": { "type": "date" },
                "embedding": {
                    "type": "knn_vector",
                    "dimension": 4,
                    "method": {
                        "name": "hnsw", "engine": "lucene", "space_type": "cosinesimil",
                        "parameters": { "m": 16, "ef_construction": 128 },
                    },
                },
            },
        },
        "aliases": { alias: { "is_write_index": true } },
    });
    bench.done(Method::PUT, index, first).await;
    assert_eq!(bench.ensure().await, Ok(Ensured::Adopted(MappingVersion::MetadataStored)));
    assert_eq!(bench.version().await, Value::Null, "it is left as it is");

    let bench = Bench::new();
    bench.ensure().await.expect("created");
    assert_eq!(bench.version().await, MappingVersion::CURRENT as u8);
    bench.clean_up(&[index, &bench.index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_lost_or_changed_alias_is_restored() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    bench.ensure().await.expect("created");
    let right = json!({ index: { "aliases": { alias: { "is_write_index": true } } } });

    bench.done(Method::DELETE, &format!("{index}/_alias/{alias}"), Value::Null).await;
    assert_eq!(bench.ensure().await, Ok(ADOPTED));
    assert_eq!(bench.holders().await, right);

    for properties in [json!({ "is_write_index": false }), json!({ "filter": { "term": { "source": "x" } } })] {
        bench.done(Method::PUT, &format!("{index}/_alias/{alias}"), properties).await;
        assert_eq!(bench.ensure().await, Ok(ADOPTED));
        assert_eq!(bench.holders().await, right);
    }
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_different_index_is_not_changed() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    bench.ensure().await.expect("created");
    let other = IndexSpec { dimension: Dimension::new(5).expect("valid"), ..bench.spec() };
    let differs = |name: &str, found: &str, expected: &str| {
        Err(Error::Conflict(Difference::Value {
            name: name.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }))
    };
    let differing = bench.opensearch.ensure_knn_index(&other).await;
    assert_eq!(differing, differs("embedding.dimension", "4", "5"));
    assert_eq!(bench.ensure().await, Ok(ADOPTED));
    bench.clean_up(&[index]).await;

    // This is the index that a document creates if it is written too early.
    bench.done(Method::PUT, index, json!({})).await;
    assert_eq!(bench.ensure().await, differs("index.knn", "nothing", "true"));
    assert_eq!(bench.holders().await["status"], 404, "{alias} was not given to it");
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_foreign_alias_or_index_is_not_changed() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    let foreign = format!("{alias}_foreign");

    bench.done(Method::PUT, &foreign, json!({ "aliases": { alias: {} } })).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict(Difference::AliasElsewhere(foreign.clone()))));
    assert_eq!(bench.ask(Method::GET, index, Value::Null).await.0, 404, "nothing was created");
    bench.clean_up(&[&foreign]).await;

    bench.done(Method::PUT, alias, json!({})).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict(Difference::AliasIsIndex)));
    bench.clean_up(&[alias]).await;

    bench.done(Method::PUT, &foreign, json!({ "aliases": { index: {} } })).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict(Difference::IndexIsAlias)));
    bench.clean_up(&[&foreign]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_block_is_reported_until_it_is_removed() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    bench.ensure().await.expect("created");
    bench.done(Method::DELETE, &format!("{index}/_alias/{alias}"), Value::Null).await;
    // A block that an operator sets, and the block that a full disk causes.
    for (block, error) in
        [("index.blocks.read_only", Error::Blocked), ("index.blocks.read_only_allow_delete", Error::NoRoom)]
    {
        bench.done(Method::PUT, &format!("{index}/_settings"), json!({ block: true })).await;
        assert_eq!(bench.ensure().await, Err(error), "{block}");
        bench.done(Method::PUT, &format!("{index}/_settings"), json!({ block: null })).await;
    }
    assert_eq!(bench.ensure().await, Ok(ADOPTED));
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_cluster_full_of_shards_is_reported() {
    let bench = Bench::new();
    let filler = format!("{}_filler", bench.alias);
    bench.fill(&filler).await;
    let large = IndexSpec { replicas: 255, ..bench.spec() };
    let refused = bench.opensearch.ensure_knn_index(&large).await;
    bench.clean_up(&[&filler]).await;
    assert_eq!(refused, Err(Error::ShardLimit));
    assert_eq!(bench.ask(Method::GET, &bench.index, Value::Null).await.0, 404, "nothing was created");
    assert_eq!(bench.opensearch.ensure_knn_index(&large).await, Ok(Ensured::Created));
    bench.clean_up(&[&bench.index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_rehearsal_meets_what_the_creation_would_meet_and_creates_nothing() {
    let bench = Bench::new();
    let rehearse = async |spec: IndexSpec<'_>| bench.opensearch.rehearse(&spec).await;
    assert_eq!(rehearse(bench.spec()).await, Ok(()));
    let (status, _) = bench.ask(Method::GET, &bench.index, Value::Null).await;
    assert_eq!(status, 404, "nothing was created");
    assert_eq!(bench.opensearch.may_delete(&bench.spec()).await, Ok(Some(true)));
    let filler = format!("{}_filler", bench.alias);
    bench.fill(&filler).await;
    assert_eq!(rehearse(IndexSpec { replicas: 255, ..bench.spec() }).await, Err(Error::ShardLimit));
    bench.clean_up(&[&filler]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn an_alias_is_seen_as_it_is_and_given_back_without_an_index_being_made() {
    let bench = Bench::new();
    let look = async || bench.opensearch.look(&bench.spec()).await.expect("seen");
    assert_eq!(look().await, Seen { index: None, alias: SeenAlias::Missing });
    assert_eq!(bench.opensearch.ensure_alias(&bench.spec()).await, Err(Error::IndexMissing));
    assert_eq!(look().await.index, None, "none is made");

    bench.ensure().await.expect("created");
    let whole = Seen { index: Some(Ok(MappingVersion::CURRENT)), alias: SeenAlias::Whole };
    assert_eq!(look().await, whole);
    let (index, alias) = (bench.index.as_str(), bench.alias.as_str());
    let part = json!({ "add": { "index": index, "alias": alias, "filter": { "term": { "source": "mail" } } } });
    for (broken, change) in
        [(SeenAlias::Partly, part), (SeenAlias::Missing, json!({ "remove": { "index": index, "alias": alias } }))]
    {
        bench.done(Method::POST, "_aliases", json!({ "actions": [change] })).await;
        assert_eq!(look().await.alias, broken);
        assert_eq!(bench.opensearch.ensure_alias(&bench.spec()).await, Ok(MappingVersion::CURRENT));
        assert_eq!(look().await, whole, "after {broken:?}");
    }

    // Somebody may have led it elsewhere on purpose.
    let other = format!("{alias}_v2");
    bench.done(Method::PUT, &other, json!({ "aliases": { alias: {} } })).await;
    let elsewhere = Difference::AliasElsewhere(other.clone());
    assert_eq!(look().await.alias, SeenAlias::Elsewhere(elsewhere.clone()));
    assert_eq!(bench.opensearch.ensure_alias(&bench.spec()).await, Err(Error::Conflict(elsewhere)));
    bench.done(Method::DELETE, &other, Value::Null).await;
    bench.done(Method::DELETE, index, Value::Null).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn an_index_loses_its_alias_and_is_deleted_once() {
    let bench = Bench::new();
    let (Bench { alias, index, opensearch, .. }, spec) = (&bench, bench.spec());
    assert_eq!(opensearch.whose(&spec).await, Ok(Found::Nothing));
    assert_eq!(opensearch.take_alias(&spec).await, Ok(()), "there is nothing to take it from");
    bench.ensure().await.expect("created");
    // What an installation chose may have changed since.
    let other = IndexSpec { dimension: Dimension::new(5).expect("valid"), engine: Engine::Faiss, ..spec };
    for spec in [spec, other] {
        assert_eq!(opensearch.whose(&spec).await, Ok(Found::Ours));
    }
    // Twice, because a step may be repeated.
    for _ in 0..2 {
        assert_eq!(opensearch.take_alias(&spec).await, Ok(()));
        assert_eq!(opensearch.has_alias(alias).await, Ok(false));
        assert_eq!(opensearch.whose(&spec).await, Ok(Found::Ours), "the index is there");
    }
    for _ in 0..2 {
        assert_eq!(opensearch.delete_index(index).await, Ok(()));
        assert_eq!(opensearch.whose(&spec).await, Ok(Found::Nothing));
    }
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn what_somebody_else_made_is_told_from_ours() {
    let bench = Bench::new();
    let (Bench { alias, index, opensearch, .. }, spec) = (&bench, bench.spec());
    let foreign = format!("{alias}_foreign");
    bench.done(Method::PUT, &foreign, json!({ "aliases": { alias: {} } })).await;
    let elsewhere = Found::Foreign(Difference::AliasElsewhere(foreign.clone()));
    assert_eq!(opensearch.whose(&spec).await, Ok(elsewhere));
    bench.clean_up(&[&foreign]).await;

    bench.done(Method::PUT, &foreign, json!({ "aliases": { index: {} } })).await;
    assert_eq!(opensearch.whose(&spec).await, Ok(Found::Foreign(Difference::IndexIsAlias)));
    assert_eq!(opensearch.delete_index(index).await, Err(Error::Refused), "an alias is no index");
    bench.clean_up(&[&foreign]).await;

    for mapping in [json!({}), json!({ "properties": { "title": { "type": "keyword" } } })] {
        bench.done(Method::PUT, index, json!({ "mappings": mapping })).await;
        let found = opensearch.whose(&spec).await;
        assert!(matches!(found, Ok(Found::Foreign(Difference::Value { .. }))), "{mapping}: {found:?}");
        bench.clean_up(&[index]).await;
    }
}
