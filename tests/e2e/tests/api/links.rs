//! What an answer leads to is resolved against the request's own URL (RFC 3986), as every client does.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, unique};
use reqwest::Method;
use serde_json::json;
use url::Url;

#[tokio::test]
#[ignore = "needs API_URL"]
async fn what_an_answer_leads_to_can_be_followed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let asked = Url::parse(&format!("{}/v1/admin/tenants", cloud.api_url))?;
    let follow = async |reference: &str| {
        let request = cloud.http.get(asked.join(reference)?).header("x-api-key", &cloud.admin_key);
        cloud.send(request).await?.expect(200)
    };
    let slug = unique("followed");
    let accepted = cloud.provision(&slug, json!({ "tier": "pilot" })).await?;
    let body = accepted.expect(202)?;
    let places = [accepted.header("location"), body["poll_url"].as_str()];
    for place in places {
        let status = follow(place.context("leads nowhere")?).await?;
        ensure!(status["slug"] == json!(slug), "{status}");
    }

    cloud.accepted(&unique("followed-too"), json!({ "tier": "pilot" })).await?;
    let page = cloud.send(cloud.admin(Method::GET, "/v1/admin/tenants?limit=1")).await?;
    let next = follow(page.next().context("no next page")?).await?;
    ensure!(next.as_array().is_some_and(|page| page.len() == 1), "{next}");
    Ok(())
}
