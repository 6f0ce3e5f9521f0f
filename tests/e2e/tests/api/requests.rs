//! Bodies that are refused before they are validated.

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, Lakehouse, unique};
use reqwest::Method;
use serde_json::{Value, json};

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

/// A character of Latin-1, a character cut off, one written too long, half a surrogate pair, UTF-16.
const NOT_UTF8: &[&[u8]] = &[b"Caf\xe9", b"Caf\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff\xfeA\0", b"\xf5\x80\x80\x80"];

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_text_that_is_not_utf8_is_malformed_and_nothing_is_stored() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("bytes");
    let order = Cloud::order(&slug, &json!({ "display_name": "NAME" })).to_string();
    let (before, after) = order.split_once("NAME").context("no name")?;
    for text in NOT_UTF8 {
        for body in [[before.as_bytes(), text, after.as_bytes()].concat(), [order.as_bytes(), text].concat()] {
            post(&cloud, Some("application/json"), body).await?.problem(400, "malformed_json")?;
        }
    }
    cloud.get(&format!("/v1/admin/tenants/{slug}")).await?.problem(404, "tenant_not_found")?;
    let accepted = cloud.provision(&slug, json!({ "display_name": "Café 日本 👋🏽", "tier": "pilot" })).await?;
    accepted.expect(202)?;
    assert_eq!(cloud.tenant(&slug).await?["display_name"], "Café 日本 👋🏽");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_number_is_kept_exactly_or_refused() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "digits").await?;
    let order = lakehouse.order(&json!({ "metadata": { "limits": ["NUMBER"] } })).to_string();
    let put = async |number: &str| {
        let body = order.replace("\"NUMBER\"", number);
        let request = lakehouse.request(Method::POST, &lakehouse.path()).header("content-type", "application/json");
        cloud.send(request.body(body)).await
    };
    for kept in ["18446744073709551615", "-9223372036854775808", "0.1", "1.50", "1e300", "5e-324", "9007199254740993"] {
        put(kept).await?.expect(201)?;
        let answer = lakehouse.get(&lakehouse.path()).await?;
        let stored = &answer.expect(200)?["metadata"]["limits"][0];
        assert_eq!(stored, &serde_json::from_str::<Value>(kept)?, "{}", answer.body);
    }
    for lost in
        ["18446744073709551616", "-9223372036854775809", "0.12345678901234567890", "1e-400", "1.00000000000000000001"]
    {
        let errors = put(lost).await?.invalid()?;
        ensure!(errors.contains_key("metadata.limits[0]"), "{lost}: {errors:?}");
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
