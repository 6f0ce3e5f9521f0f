//! Answers that the gateway caches for one request do not give access to another request.

use anyhow::Result;
use domain::routes::{Credential, ROUTES};
use e2e::{Cloud, Issuer, unique};
use reqwest::Method;
use serde_json::json;

/// Sends a valid credential together with an invalid one of the other kind. The route checks only its own kind. Sent
/// alone afterwards, the invalid one still gives no access.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_valid_credential_does_not_authorize_an_invalid_one() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let issuer = Issuer::of(&cloud).await?;
    let good_token = format!("Bearer {}", issuer.admin()?);
    for route in ROUTES.iter().filter(|route| route.credential != Credential::None && route.method == "GET") {
        let path = route.path.replace("{tenant}", "absent-tenant");
        // These credentials are new, so nothing is cached for them yet.
        let bad_key = unique("ivory");
        let bad_token = format!("Bearer {}.x", issuer.sign(&json!({ "jti": unique("token") })));
        let send = async |headers: &[(&str, &str)]| {
            let mut call = cloud.request(Method::GET, &path);
            for (name, value) in headers {
                call = call.header(*name, *value);
            }
            cloud.send(call).await
        };
        let key_beside = [("x-api-key", cloud.admin_key.as_str()), ("authorization", &bad_token)];
        let token_beside = [("x-api-key", bad_key.as_str()), ("authorization", &good_token)];
        let served = match route.credential {
            Credential::ApiKey => &key_beside,
            Credential::Bearer | Credential::None => &token_beside,
        };
        let refused = if served == &key_beside { &token_beside } else { &key_beside };
        // Each is sent twice, and after the other, because either of them may be cached.
        for _ in 0..2 {
            let answer = send(served).await?;
            assert!(![401, 403].contains(&answer.status), "{}: {answer:?}", route.name);
            send(refused).await?.problem(401, "unauthenticated")?;
            send(&[("x-api-key", &bad_key)]).await?.problem(401, "unauthenticated")?;
            send(&[("authorization", &bad_token)]).await?.problem(401, "unauthenticated")?;
        }
    }
    Ok(())
}

/// The cached policy covers the whole API, so each route checks the right itself.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_auditors_cached_policy_allows_no_post() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let auditor = |method, path: &str| cloud.request(method, path).header("x-api-key", &cloud.auditor_key);
    cloud.send(auditor(Method::GET, "/v1/admin/tenants?limit=1")).await?.expect(200)?;
    for (method, path) in [
        (Method::POST, "/v1/admin/tenants"),
        (Method::PATCH, "/v1/admin/tenants/absent-tenant"),
        (Method::DELETE, "/v1/admin/tenants/absent-tenant"),
        (Method::POST, "/v1/admin/tenants/absent-tenant/cache/invalidate"),
    ] {
        cloud.send(auditor(method, path).json(&json!({}))).await?.problem(403, "forbidden")?;
    }
    Ok(())
}
