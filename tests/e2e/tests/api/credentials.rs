//! Credentials: an unknown caller gets 401, a caller without the right gets 403, and neither learns what exists.

use anyhow::Result;
use e2e::{Answer, Cloud, unique};
use reqwest::Method;
use serde_json::json;

/// Every route, for a tenant that does not exist.
fn routes(slug: &str) -> [(Method, String); 3] {
    [
        (Method::POST, "/v1/admin/tenants".to_owned()),
        (Method::GET, format!("/v1/admin/tenants/{slug}")),
        (Method::GET, format!("/v1/admin/tenants/{slug}/status")),
    ]
}

/// Sends a call with these headers. A `POST` has a body that is not valid.
async fn call(cloud: &Cloud, route: &(Method, String), headers: &[(&str, &str)]) -> Result<Answer> {
    let mut request = cloud.request(route.0.clone(), &route.1);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    cloud.send(if route.0 == Method::POST { request.json(&json!({})) } else { request }).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_call_without_a_known_key_is_refused() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let bearer = format!("Bearer {}", std::env::var("ADMIN_JWT").unwrap_or_default());
    let shorter = &cloud.admin_key[..cloud.admin_key.len() - 1];
    let longer = format!("{}x", cloud.admin_key);
    let both = format!("{0},{0}", cloud.admin_key);
    for route in routes(&unique("nobody")) {
        for headers in [
            vec![],
            vec![("x-api-key", "")],
            vec![("x-api-key", "ivory_nobody")],
            vec![("x-api-key", shorter)],
            vec![("x-api-key", longer.as_str())],
            vec![("x-api-key", both.as_str())],
            // A credential of the other kind does not give access to this route, alone or together with a wrong key.
            vec![("authorization", bearer.as_str())],
            vec![("authorization", bearer.as_str()), ("x-api-key", "ivory_nobody")],
        ] {
            let answer = call(&cloud, &route, &headers).await?;
            answer.problem(401, "unauthenticated")?;
            let both = "ApiKey realm=\"ivory-control-plane\", Bearer realm=\"ivory-control-plane\"";
            assert_eq!(answer.header("www-authenticate"), Some(both));
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_caller_without_the_right_does_not_learn_what_exists() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("forbidden");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    for slug in [slug, unique("absent")] {
        let [post, get, status] = routes(&slug);
        for route in [&post, &get, &status] {
            call(&cloud, route, &[("x-api-key", &cloud.stranger_key)]).await?.problem(403, "forbidden")?;
        }
        call(&cloud, &post, &[("x-api-key", &cloud.auditor_key)]).await?.problem(403, "forbidden")?;
    }
    // The result is the same with the tenant's id instead of its slug.
    let headers =
        [("x-api-key", cloud.stranger_key.as_str()), ("x-groups", "admin"), ("x-principal", "platform-admin")];
    call(&cloud, &routes("acme-bank")[1], &headers).await?.problem(403, "forbidden")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_auditor_may_read() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("audited");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let auditor = [("x-api-key", cloud.auditor_key.as_str())];
    let [_, get, status] = routes(&slug);
    assert_eq!(call(&cloud, &get, &auditor).await?.expect(200)?["slug"], slug.as_str());
    assert_eq!(call(&cloud, &status, &auditor).await?.expect(200)?["slug"], slug.as_str());
    call(&cloud, &routes(&unique("absent"))[1], &auditor).await?.problem(404, "tenant_not_found")?;
    Ok(())
}
