use crate::stand::{KEY, Stand, error, json, send};

#[tokio::test]
async fn a_key_is_required() {
    let stand = Stand::start().await;
    let url = format!("{}/v1/customers", stand.url);
    let request = || stand.client.get(&url).header("Stripe-Version", "2026-07-29.dahlia");
    let body = json(&send(request()).await, 401);
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let wrong = send(request().bearer_auth("sk_test_wrong")).await;
    let (_, _, message) = error(&wrong, 401);
    assert!(!message.contains("wrong"), "a key is never repeated");
    json(&send(request().bearer_auth(KEY)).await, 200);
}

#[tokio::test]
async fn a_version_must_be_pinned() {
    let stand = Stand::start().await;
    let request = || stand.client.get(format!("{}/v1/customers", stand.url)).bearer_auth(KEY);
    error(&send(request()).await, 400);
    error(&send(request().header("Stripe-Version", "2023-08-16")).await, 400);
}

#[tokio::test]
async fn only_forms_are_accepted() {
    let stand = Stand::start().await;
    let request = stand.request(reqwest::Method::POST, "/v1/customers").json(&serde_json::json!({ "name": "x" }));
    error(&send(request).await, 400);
}

#[tokio::test]
async fn unknown_parameters_and_paths_are_errors() {
    let stand = Stand::start().await;
    let answer = stand.post("/v1/customers", "foo=1").await;
    let expected = ("parameter_unknown".to_owned(), "foo".to_owned(), "Received unknown parameter: foo".to_owned());
    assert_eq!(error(&answer, 400), expected);
    let (_, _, message) = error(&stand.get("/v1/nosuch").await, 404);
    assert_eq!(message, "Unrecognized request URL (GET: /v1/nosuch).");
    error(&stand.get("/v1/customers?foo=1").await, 400);
    error(&stand.request_delete_with_body().await, 400);
}

impl Stand {
    async fn request_delete_with_body(&self) -> http_kit::Answer {
        let path = format!("/v1/customers/{}", self.customer().await);
        let request = self.request(reqwest::Method::DELETE, &path);
        send(request.header("Content-Type", "application/x-www-form-urlencoded").body("foo=1")).await
    }
}
