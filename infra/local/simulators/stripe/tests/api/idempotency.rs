use std::time::Duration;

use crate::stand::{Stand, error, ids, json};

async fn customers(stand: &Stand) -> usize {
    ids(&json(&stand.get("/v1/customers").await, 200)).len()
}

#[tokio::test]
async fn the_same_request_has_one_effect_and_the_same_answer() {
    let stand = Stand::start().await;
    let first = stand.post_with_key("k", "/v1/customers", "name=A&metadata[a]=1").await;
    let again = stand.post_with_key("k", "/v1/customers", "metadata[a]=1&name=A").await;
    assert_eq!(json(&first, 200), json(&again, 200));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_eq!(customers(&stand).await, 1);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_an_error() {
    let stand = Stand::start().await;
    let made = crate::stand::id(&stand.post_with_key("k", "/v1/customers", "name=A").await);
    for path in ["/v1/customers".to_owned(), format!("/v1/customers/{made}")] {
        let body = json(&stand.post_with_key("k", &path, "name=B").await, 400);
        assert_eq!(body["error"]["type"], "idempotency_error");
    }
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_its_key() {
    let stand = Stand::start().await;
    error(&stand.post_with_key("k", "/v1/customers", "foo=1").await, 400);
    let done = stand.post_with_key("k", "/v1/customers", "name=A").await;
    assert_eq!((json(&done, 200)["name"].as_str(), done.header("idempotent-replayed")), (Some("A"), None));
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_and_hanging_up_does_not_stop_its_request() {
    let stand = Stand::with(|config| config.latency = Duration::from_millis(200)).await;
    let hasty = stand.form("/v1/customers", "name=A").header("Idempotency-Key", "k").timeout(Duration::from_millis(50));
    http_kit::send(hasty).await.expect_err("it hung up");
    let busy = stand.post_with_key("k", "/v1/customers", "name=A").await;
    assert_eq!(error(&busy, 409).0, "idempotency_key_in_use");
    assert_eq!(busy.header("stripe-should-retry"), Some("true"));
    tokio::time::sleep(Duration::from_millis(250)).await;
    let done = stand.post_with_key("k", "/v1/customers", "name=A").await;
    assert_eq!((json(&done, 200)["name"].as_str(), done.header("idempotent-replayed")), (Some("A"), Some("true")));
    assert_eq!(customers(&stand).await, 1);
}

#[tokio::test]
async fn simultaneous_requests_with_one_key_have_one_effect() {
    let stand = Stand::start().await;
    let one = || stand.post_with_key("k", "/v1/customers", "name=A");
    let all = tokio::join!(one(), one(), one(), one());
    for answer in [all.0, all.1, all.2, all.3] {
        assert!(matches!(answer.status.as_u16(), 200 | 409), "{answer:?}");
    }
    assert_eq!(customers(&stand).await, 1);
}

#[tokio::test]
async fn a_key_expires() {
    let stand = Stand::with(|config| config.idempotency_ttl = Duration::from_millis(50)).await;
    stand.post_with_key("k", "/v1/customers", "name=A").await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    let anew = stand.post_with_key("k", "/v1/customers", "name=A").await;
    assert_eq!(anew.header("idempotent-replayed"), None);
    assert_eq!(customers(&stand).await, 2);
    error(&stand.post_with_key(&"k".repeat(256), "/v1/customers", "name=A").await, 400);
}

#[tokio::test]
async fn the_admin_port_lists_objects_and_requests() {
    let stand = Stand::start().await;
    stand.post_with_key("k", "/v1/customers", "name=A").await;
    stand.post_with_key("k", "/v1/customers", "name=A").await;
    stand.get("/v1/customers?email=ops%40acme.example").await;
    let admin = format!("{}/admin", stand.simulator.url("admin").expect("an admin port"));

    let fetch = async |path: &str| -> serde_json::Value {
        let answer = crate::stand::send(stand.client.get(format!("{admin}/{path}"))).await;
        answer.json().expect("JSON")
    };
    assert_eq!(fetch("customers").await.as_array().map(Vec::len), Some(1));
    assert_eq!(fetch("subscriptions").await.as_array().map(Vec::len), Some(0));
    let requests = fetch("requests").await;
    assert_eq!(requests.as_array().map(Vec::len), Some(3));
    assert_eq!((&requests[0]["idempotency_key"], &requests[0]["replayed"]), (&"k".into(), &false.into()));
    assert_eq!((&requests[1]["status"], &requests[1]["replayed"]), (&200.into(), &true.into()));
    assert_eq!(requests[2]["path"], "/v1/customers");
}
