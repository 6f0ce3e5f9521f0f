//! Against a real OpenSearch with the k-NN plugin, whose endpoint is in `TEST_OPENSEARCH_URL`. The engine is lucene, which
//! every server has.

use std::time::Duration;

use opensearch::{Auth, Engine, Ensured, Error, IndexSpec, OpenSearch};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

/// The client under test, and the server as anybody sees it.
struct Bench {
    opensearch: OpenSearch,
    http: Client,
    endpoint: String,
    /// The alias of this test; its index is this with `_v1`.
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
        IndexSpec { index: &self.index, alias: &self.alias, engine: Engine::Lucene, dimension: 4, replicas: 0 }
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

    async fn holders(&self) -> Value {
        self.ask(Method::GET, &format!("_alias/{}", self.alias), Value::Null).await.1
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
        assert_eq!(bench.ensure().await, Ok(Ensured::Adopted));
    }
    assert_eq!(bench.holders().await, json!({ index: { "aliases": { alias: { "is_write_index": true } } } }));

    for (id, embedding) in [("near", [1.0, 0.1, 0.0, 0.0]), ("far", [0.0, 0.0, 0.0, 9.0])] {
        let document = json!({
            "document_id": id, "title": "Title", "content": "Text", "source": "test", "created_at": "2026-11-21T12:00:00Z",
            "metadata": { "any": { "thing": [1, "x", null] } }, "embedding": embedding,
        });
        bench.done(Method::PUT, &format!("{alias}/_doc/{id}?refresh=true"), document).await;
    }
    let query = json!({ "size": 1, "query": { "knn": { "embedding": { "vector": [2.0, 0.0, 0.0, 0.0], "k": 1 } } } });
    let (_, found) = bench.ask(Method::POST, &format!("{alias}/_search"), query).await;
    assert_eq!(found["hits"]["hits"][0]["_id"], "near", "{found}");

    let (status, _) = bench.ask(Method::POST, &format!("{alias}/_doc"), json!({ "titel": "misspelt" })).await;
    assert_eq!(status, 400, "the mapping is strict");
    assert_eq!(bench.ensure().await, Ok(Ensured::Adopted), "documents are no difference");
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn a_lost_or_changed_alias_is_restored() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    bench.ensure().await.expect("created");
    let right = json!({ index: { "aliases": { alias: { "is_write_index": true } } } });

    bench.done(Method::DELETE, &format!("{index}/_alias/{alias}"), Value::Null).await;
    assert_eq!(bench.ensure().await, Ok(Ensured::Adopted));
    assert_eq!(bench.holders().await, right);

    for properties in [json!({ "is_write_index": false }), json!({ "filter": { "term": { "source": "x" } } })] {
        bench.done(Method::PUT, &format!("{index}/_alias/{alias}"), properties).await;
        assert_eq!(bench.ensure().await, Ok(Ensured::Adopted));
        assert_eq!(bench.holders().await, right);
    }
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn an_index_that_differs_is_left_alone() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    bench.ensure().await.expect("created");
    let other = IndexSpec { dimension: 5, ..bench.spec() };
    let conflict = Err(Error::Conflict { what: "dimension of embedding" });
    assert_eq!(bench.opensearch.ensure_knn_index(&other).await, conflict);
    assert_eq!(bench.ensure().await, Ok(Ensured::Adopted));
    bench.clean_up(&[index]).await;

    // What a document written too early would have made.
    bench.done(Method::PUT, index, json!({})).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict { what: "index.knn setting" }));
    assert_eq!(bench.holders().await["status"], 404, "{alias} was not given to it");
    bench.clean_up(&[index]).await;
}

#[tokio::test]
#[ignore = "needs TEST_OPENSEARCH_URL"]
async fn anothers_alias_or_index_is_left_alone() {
    let bench = Bench::new();
    let Bench { alias, index, .. } = &bench;
    let foreign = format!("{alias}_foreign");

    bench.done(Method::PUT, &foreign, json!({ "aliases": { alias: {} } })).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict { what: "alias" }));
    assert_eq!(bench.ask(Method::GET, index, Value::Null).await.0, 404, "nothing was created");
    bench.clean_up(&[&foreign]).await;

    bench.done(Method::PUT, alias, json!({})).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict { what: "alias" }));
    bench.clean_up(&[alias]).await;

    bench.done(Method::PUT, &foreign, json!({ "aliases": { index: {} } })).await;
    assert_eq!(bench.ensure().await, Err(Error::Conflict { what: "name" }));
    bench.clean_up(&[&foreign]).await;
}
