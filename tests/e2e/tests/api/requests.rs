//! Bodies that are refused before they are validated.

use anyhow::Result;
use e2e::{Answer, Cloud, unique};
use reqwest::Method;
use serde_json::json;

/// The contract's limit in bytes.
const LARGEST: usize = 256 * 1024;

async fn post(cloud: &Cloud, media_type: Option<&str>, body: impl Into<reqwest::Body>) -> Result<Answer> {
    let request = cloud.admin(Method::POST, "/v1/admin/tenants").body(body);
    let request = if let Some(media_type) = media_type { request.header("content-type", media_type) } else { request };
    cloud.send(request).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_body_that_is_not_valid_json_is_malformed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let bodies = [
        "",
        "{",
        "slug=acme",
        "{} {}",
        r#"{"slug":"acme-bank","slug":"acme-bank"}"#,
        r#"{"slug":{"a":1,"a":2}}"#,
        r#"{"slug":"acme\u0000bank"}"#,
        r#"{"sl\u0000ug":"acme-bank"}"#,
        r#"{"slug":"\ud800"}"#,
        r#"{"slug":1e999}"#,
        "{\"slug\":\"a\nb\"}",
    ];
    for body in bodies {
        post(&cloud, Some("application/json"), body).await?.problem(400, "malformed_json")?;
    }
    post(&cloud, Some("application/json"), "[".repeat(1000)).await?.problem(400, "malformed_json")?;
    for body in ["[]", "null", "\"acme-bank\"", "17"] {
        let problem = post(&cloud, Some("application/json"), body).await?.problem(422, "validation_failed")?;
        assert_eq!(problem["errors"], json!([{ "field": "(body)", "message": "must be an object" }]), "{body}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_type_and_the_size_of_a_body_are_checked() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let order = Cloud::order(&unique("types"), &json!({ "tier": "gold" })).to_string();
    for media_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")] {
        post(&cloud, media_type, order.clone()).await?.problem(415, "unsupported_media_type")?;
    }
    for media_type in ["application/json", "Application/JSON; charset=utf-8"] {
        post(&cloud, Some(media_type), order.clone()).await?.problem(422, "validation_failed")?;
    }
    let padded = |size: usize| format!("{order}{}", " ".repeat(size - order.len()));
    post(&cloud, Some("application/json"), padded(LARGEST)).await?.problem(422, "validation_failed")?;
    post(&cloud, Some("application/json"), padded(LARGEST + 1)).await?.problem(413, "body_too_large")?;
    Ok(())
}
