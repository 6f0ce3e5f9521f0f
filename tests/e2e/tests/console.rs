//! The console's page, as the gateway gives it to a browser. `tests/browser` uses it.

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud};
use reqwest::Method;

async fn page(cloud: &Cloud, headers: &[(&str, &str)]) -> Result<Answer> {
    let request = cloud.request(Method::GET, "/v1/console");
    cloud.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_page_comes_with_its_policy_and_is_not_sent_twice() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let first = page(&cloud, &[]).await?;
    assert_eq!((first.status, first.header("content-type")), (200, Some("text/html; charset=utf-8")));
    ensure!(first.body.starts_with("<!doctype html>") && first.body.trim_end().ends_with("</html>"));
    ensure!(first.body.len() <= 60_000, "{} bytes", first.body.len());
    let policy = first.header("content-security-policy").context("no policy")?;
    ensure!(policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let version = first.header("etag").context("no version")?;

    let again = page(&cloud, &[("if-none-match", version)]).await?;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    for answer in [&first, &again] {
        for (name, value) in [
            ("etag", version),
            ("content-security-policy", policy),
            ("cache-control", "no-cache"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}: {}", answer.status);
        }
    }
    page(&cloud, &[("if-match", "\"0\"")]).await?.problem(412, "version_mismatch")?;
    Ok(())
}

/// It is the same for everybody, so it can hold nothing of anybody.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_page_is_the_same_for_everybody() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let known = page(&cloud, &[("x-api-key", &cloud.admin_key)]).await?;
    assert_eq!(known.body, page(&cloud, &[]).await?.body);
    Ok(())
}
