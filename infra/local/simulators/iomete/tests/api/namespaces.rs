//! Creating, finding, changing and dropping namespaces.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stand::{Stand, body, error};

#[tokio::test]
async fn a_namespace_is_created_once_and_found() {
    let stand = Stand::start().await;
    assert_eq!(body(&stand.call(Method::GET, "").await, 200), json!({ "namespaces": [] }));
    let request = json!({ "namespace": ["ivory_tenant_acme"], "properties": { "owner": "Hank" } });
    let created = body(&stand.post("", &request).await, 200);
    assert_eq!(created, request);
    assert_eq!(body(&stand.call(Method::GET, "/ivory_tenant_acme").await, 200), created);
    assert_eq!(error(&stand.post("", &request).await, 409), "AlreadyExistsException");
    let bare = body(&stand.post("", &json!({ "namespace": ["b"] })).await, 200);
    assert_eq!(bare, json!({ "namespace": ["b"], "properties": {} }));

    let there = stand.call(Method::HEAD, "/b").await;
    assert_eq!((there.status.as_u16(), there.body.len()), (204, 0));
    let missing = stand.call(Method::HEAD, "/c").await;
    assert_eq!((missing.status.as_u16(), missing.body.len()), (404, 0));
    assert_eq!(error(&stand.call(Method::GET, "/c").await, 404), "NoSuchNamespaceException");
}

#[tokio::test]
async fn levels_are_joined_by_the_unit_separator() {
    let stand = Stand::start().await;
    assert_eq!(error(&stand.post("", &json!({ "namespace": ["a", "b"] })).await, 404), "NoSuchNamespaceException");
    for levels in [&["a"][..], &["a", "b"], &["a", "b", "c/d e"], &["a.b"]] {
        stand.create(levels).await;
    }
    let listed = async |query: &str| body(&stand.call(Method::GET, query).await, 200)["namespaces"].clone();
    assert_eq!(listed("").await, json!([["a"], ["a.b"]]));
    assert_eq!(listed("?parent=").await, json!([["a"], ["a.b"]]));
    assert_eq!(listed("?parent=a").await, json!([["a", "b"]]));
    assert_eq!(listed("?parent=a%1Fb&pageToken=&pageSize=1").await, json!([["a", "b", "c/d e"]]));
    assert_eq!(listed("?parent=a.b").await, json!([]));
    assert_eq!(error(&stand.call(Method::GET, "?parent=c").await, 404), "NoSuchNamespaceException");
    assert_eq!(error(&stand.call(Method::GET, "?parent=a%1F").await, 400), "BadRequestException");

    let lowest = body(&stand.call(Method::GET, "/a%1Fb%1Fc%2Fd%20e").await, 200);
    assert_eq!(lowest["namespace"], json!(["a", "b", "c/d e"]));
    assert_eq!(error(&stand.call(Method::GET, "/a%1F%1Fb").await, 400), "BadRequestException");
    assert_eq!(error(&stand.call(Method::GET, "/").await, 400), "BadRequestException");
}

#[tokio::test]
async fn only_an_empty_namespace_is_dropped() {
    let stand = Stand::start().await;
    stand.create(&["a"]).await;
    stand.create(&["a", "b"]).await;
    assert_eq!(error(&stand.call(Method::DELETE, "/a").await, 409), "NamespaceNotEmptyException");
    for namespace in ["/a%1Fb", "/a"] {
        let dropped = stand.call(Method::DELETE, namespace).await;
        assert_eq!((dropped.status.as_u16(), dropped.body.len()), (204, 0), "{namespace}");
        assert_eq!(error(&stand.call(Method::DELETE, namespace).await, 404), "NoSuchNamespaceException");
    }
    stand.create(&["a"]).await;
}

#[tokio::test]
async fn properties_are_set_and_removed() {
    let stand = Stand::start().await;
    body(&stand.post("", &json!({ "namespace": ["a"], "properties": { "x": "1", "y": "2" } })).await, 200);
    let update = async |body: Value| stand.post("/a/properties", &body).await;
    let answer = body(&update(json!({ "removals": ["x", "z"], "updates": { "y": "3", "w": "4" } })).await, 200);
    assert_eq!(answer, json!({ "updated": ["w", "y"], "removed": ["x"], "missing": ["z"] }));
    let properties = async || body(&stand.call(Method::GET, "/a").await, 200)["properties"].clone();
    assert_eq!(properties().await, json!({ "w": "4", "y": "3" }));

    let contradiction = update(json!({ "removals": ["y", "w"], "updates": { "w": "5" } })).await;
    assert_eq!(error(&contradiction, 422), "UnprocessableEntityException");
    assert_eq!(properties().await, json!({ "w": "4", "y": "3" }), "neither of them had an effect");
    body(&update(json!({})).await, 200);
    assert_eq!(error(&stand.post("/b/properties", &json!({})).await, 404), "NoSuchNamespaceException");
}
