//! What no recording shows.

use std::time::Duration;

use opensearch_simulator::{Config, Credentials};
use secrecy::SecretString;
use serde_json::json;

use crate::http::{call, send, start};

const VECTORS: &str = r#"{"settings":{"index.knn":true},"aliases":{"a":{}},"mappings":{"properties":{
    "v":{"type":"knn_vector","dimension":2,"method":{"name":"hnsw","engine":"faiss","space_type":"cosinesimil"}}}}}"#;

#[tokio::test]
async fn a_write_is_seen_by_a_search_after_a_refresh_or_a_second() {
    let address = start(Config::default()).await;
    call(&address, "PUT", "/i", VECTORS).await;
    let found = async || call(&address, "POST", "/a/_search", "").await.json()["hits"]["total"]["value"].clone();
    call(&address, "PUT", "/a/_doc/1", r#"{"v":[1,0]}"#).await;
    assert_eq!(found().await, 0);
    call(&address, "POST", "/i/_refresh", "").await;
    assert_eq!(found().await, 1);
    call(&address, "PUT", "/a/_doc/2", r#"{"v":[0,1]}"#).await;
    assert_eq!(found().await, 1);
    assert_eq!(call(&address, "GET", "/a/_doc/2", "").await.status, 200);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(found().await, 2);
}

#[tokio::test]
async fn one_of_many_simultaneous_creations_wins() {
    let address = start(Config::default()).await;
    let creations: Vec<_> = (0..20)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(async move { call(&address, "PUT", "/i", VECTORS).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for creation in creations {
        statuses.push(creation.await.expect("an answer"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![400; 19]].concat());
}

#[tokio::test]
async fn a_refused_creation_leaves_nothing_behind() {
    let address = start(Config::default()).await;
    call(&address, "PUT", "/taken", "").await;
    let refused = call(&address, "PUT", "/i", r#"{"aliases":{"a":{},"taken":{}}}"#).await;
    assert_eq!(refused.status, 400);
    for path in ["/i", "/_alias/a"] {
        assert_eq!(call(&address, "HEAD", path, "").await.status, 404, "{path}");
    }
    let actions = json!({ "actions": [
        { "add": { "index": "taken", "alias": "b" } },
        { "remove": { "index": "taken", "alias": "nothing" } },
    ]});
    assert_eq!(call(&address, "POST", "/_aliases", &actions.to_string()).await.status, 404);
    assert_eq!(call(&address, "HEAD", "/_alias/b", "").await.status, 404);
}

#[tokio::test]
async fn an_alias_has_one_index_to_write_to() {
    let address = start(Config::default()).await;
    let body = r#"{"aliases":{"a":{"is_write_index":true}}}"#;
    assert_eq!(call(&address, "PUT", "/i1", body).await.status, 200);
    let second = call(&address, "PUT", "/i2", body).await;
    assert_eq!((second.status, &second.json()["error"]["type"]), (500, &json!("illegal_state_exception")));
    call(&address, "PUT", "/i2", r#"{"aliases":{"a":{}}}"#).await;
    let written = call(&address, "PUT", "/a/_doc/1", r#"{"x":1}"#).await;
    assert_eq!(written.json()["_index"], "i1");
}

#[tokio::test]
async fn a_document_without_an_id_gets_one() {
    let address = start(Config::default()).await;
    let ids: Vec<_> =
        [call(&address, "POST", "/i/_doc", r#"{"x":1}"#).await, call(&address, "POST", "/i/_doc", r#"{"x":1}"#).await]
            .map(|answer| (answer.status, answer.json()["_id"].as_str().map(str::len), answer.json()["_id"].clone()))
            .into();
    assert_eq!((ids[0].0, ids[0].1), (201, Some(20)));
    assert_ne!(ids[0].2, ids[1].2);
}

#[tokio::test]
async fn what_is_not_simulated_is_said_so() {
    let address = start(Config::default()).await;
    call(&address, "PUT", "/i", VECTORS).await;
    let byte = VECTORS.replace("\"dimension\"", "\"data_type\":\"byte\",\"dimension\"");
    for (method, path, body) in [
        ("POST", "/i/_search", r#"{"query":{"bool":{}}}"#),
        ("POST", "/i/_search", r#"{"aggs":{}}"#),
        ("PUT", "/i/_alias/b", r#"{"routing":"1"}"#),
        ("PUT", "/j", r#"{"mappings":{"properties":{"f":{"type":"nested"}}}}"#),
        ("PUT", "/j", byte.as_str()),
        ("GET", "/_cat/nodes", ""),
    ] {
        let answer = call(&address, method, path, body).await;
        assert_eq!((answer.status, &answer.json()["error"]["type"]), (501, &json!("not_simulated")), "{path} {body}");
    }
}

#[tokio::test]
async fn unknown_keys_of_a_search_are_refused() {
    let address = start(Config::default()).await;
    call(&address, "PUT", "/i", VECTORS).await;
    for (body, kind) in [
        (r#"{"foo":1}"#, "parsing_exception"),
        (r#"{"query":{"foo":{}}}"#, "parsing_exception"),
        (r#"{"query":{}}"#, "illegal_argument_exception"),
        (r#"{"query":{"knn":{"v":{"vector":[1,0],"k":1,"foo":1}}}}"#, "x_content_parse_exception"),
    ] {
        let answer = call(&address, "POST", "/i/_search", body).await;
        assert_eq!((answer.status, &answer.json()["error"]["type"]), (400, &json!(kind)), "{body}");
    }
}

#[tokio::test]
async fn strangers_are_refused() {
    let credentials = Credentials { username: "admin".to_owned(), password: SecretString::from("secret") };
    let address = start(Config { credentials: Some(credentials), ..Config::default() }).await;
    assert_eq!(call(&address, "GET", "/", "").await.status, 401);
    // admin:wrong, admin:secret
    for (given, status) in [("YWRtaW46d3Jvbmc=", 401), ("YWRtaW46c2VjcmV0", 200)] {
        let header = format!("Authorization: Basic {given}");
        assert_eq!(send(&address, "GET", "/", &[&header], "").await.status, status);
    }
}
