//! The token, the routes, and the reasons for which any request is refused.

use reqwest::Method;
use serde_json::json;

use crate::stand::{Stand, TOKEN, WAREHOUSE, body, error, send};

#[tokio::test]
async fn a_token_is_required_before_anything_else() {
    let stand = Stand::start().await;
    for path in ["/v1/config", "/v1/nosuch"] {
        let request = || stand.http.get(format!("{}{path}", stand.url));
        let refused = [
            request(),
            request().bearer_auth("wrong"),
            request().bearer_auth(""),
            request().header("Authorization", TOKEN),
            request().header("Authorization", format!("Basic {TOKEN}")),
            request().header("X-API-Token", "wrong"),
            request().bearer_auth("wrong").header("X-API-Token", TOKEN),
        ];
        for request in refused {
            let answer = send(request).await;
            assert_eq!(error(&answer, 401), "NotAuthorizedException");
            assert!(!String::from_utf8_lossy(&answer.body).contains("wrong"), "a token is never repeated");
        }
    }
    let request = || stand.http.get(format!("{}/v1/config", stand.url));
    body(&send(request().header("X-API-Token", TOKEN)).await, 200);
    body(&send(request().header("Authorization", format!("bearer {TOKEN}"))).await, 200);
}

#[tokio::test]
async fn the_configuration_names_prefix_and_endpoints() {
    let stand = Stand::start().await;
    let config = body(&stand.get("/v1/config").await, 200);
    assert_eq!(config["overrides"]["warehouse"], WAREHOUSE);
    assert_eq!(config["defaults"], json!({}));
    assert!(config["endpoints"].as_array().expect("a list").contains(&json!("GET /v1/{prefix}/namespaces")));
    for warehouse in ["ivory", "s3%3A%2F%2Flakehouse%2Fwarehouse"] {
        assert_eq!(body(&stand.get(&format!("/v1/config?warehouse={warehouse}")).await, 200), config);
    }
    let unknown = stand.get("/v1/config?warehouse=s3%3A%2F%2Fother").await;
    assert_eq!(error(&unknown, 404), "NoSuchWarehouseException");
}

#[tokio::test]
async fn unknown_routes_are_not_found() {
    let stand = Stand::start().await;
    let another = stand.url.replace("/catalogs/ivory", "/catalogs/another");
    let below = stand.url.replace("/catalogs/ivory", "/v1/config");
    for url in [format!("{another}/v1/config"), below, format!("{}/v1/config/", stand.url), stand.url.clone()] {
        assert_eq!(error(&send(stand.http.get(&url).bearer_auth(TOKEN)).await, 404), "NotFoundException", "{url}");
    }
    // Only the prefix of the configuration is accepted.
    for path in ["/v1/namespaces", "/v1/ivory/namespaces"] {
        assert_eq!(error(&stand.get(path).await, 404), "NotFoundException", "{path}");
    }
    assert_eq!(error(&stand.call(Method::PUT, "").await, 404), "NotFoundException");
    assert_eq!(error(&stand.call(Method::GET, "/a/unknown").await, 404), "NotFoundException");
    assert_eq!(error(&send(stand.request(Method::POST, "/v1/config")).await, 404), "NotFoundException");
}

#[tokio::test]
async fn unknown_parameters_are_errors() {
    let stand = Stand::start().await;
    stand.create(&["a"]).await;
    let create = json!({ "namespace": ["b"] });
    let answers = [
        stand.get("/v1/config?warehouse=ivory&x=1").await,
        stand.get("/v1/config?warehouse=ivory&warehouse=ivory").await,
        stand.call(Method::GET, "?x=1").await,
        stand.call(Method::GET, "?pageSize=0").await,
        stand.call(Method::GET, "?pageSize=many").await,
        stand.call(Method::GET, "/a?parent=b").await,
        stand.call(Method::DELETE, "/a?purge=true").await,
        stand.call(Method::GET, "/%FF").await,
        stand.post("?x=1", &create).await,
        send(stand.request(Method::GET, "/v1/config").json(&create)).await,
    ];
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(error(answer, 400), "BadRequestException", "{index}");
    }
}

#[tokio::test]
async fn malformed_bodies_are_errors() {
    let stand = Stand::start().await;
    stand.create(&["a"]).await;
    let bodies = [
        ("", r#"{"namespace":["b"]"#),
        ("", ""),
        ("", "null"),
        ("", r#"[["b"],{}]"#),
        ("", "{}"),
        ("", r#"{"namespace":"b"}"#),
        ("", r#"{"namespace":[]}"#),
        ("", r#"{"namespace":["b",""]}"#),
        ("", r#"{"namespace":["a\u001fb"]}"#),
        ("", r#"{"namespace":["b"],"properties":{"owner":1}}"#),
        ("", r#"{"namespace":["b"],"owner":"x"}"#),
        ("/a/properties", r#"{"removals":["x","x"]}"#),
        ("/a/properties", r#"{"updates":["x"]}"#),
        ("/a/properties", r#"{"remove":["x"]}"#),
    ];
    for (below, body) in bodies {
        let request = stand.request(Method::POST, &format!("{}{below}", stand.namespaces));
        let answer = send(request.header("Content-Type", "application/json").body(body)).await;
        assert_eq!(error(&answer, 400), "BadRequestException", "{body}");
    }
    let form = stand.request(Method::POST, &stand.namespaces).form(&[("namespace", "b")]);
    assert_eq!(error(&send(form).await, 400), "BadRequestException");
    let large = json!({ "namespace": ["b"], "properties": { "x": "x".repeat(2 * 1024 * 1024) } });
    error(&stand.post("", &large).await, 413);
    assert_eq!(body(&stand.call(Method::GET, "").await, 200), json!({ "namespaces": [["a"]] }), "nothing was made");
}
