//! What the gateway remembers of one request opens nothing to the next.

use anyhow::Result;
use domain::routes::{Credential, ROUTES};
use e2e::{Cloud, Issuer, unique};
use reqwest::Method;
use serde_json::json;

/// A good credential beside a bad one of the other kind: the route looks at its own, and the bad one, sent alone
/// afterwards, still opens nothing.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_good_credential_vouches_for_no_other() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let issuer = Issuer::of(&cloud).await?;
    let good_token = format!("Bearer {}", issuer.admin()?);
    for route in ROUTES.iter().filter(|route| route.credential != Credential::None && route.method == "GET") {
        let path = route.path.replace("{tenant}", "absent-tenant");
        // Never seen before, so that nothing is remembered of them yet.
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
        // Twice, and each after the other: whichever of them is remembered.
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

/// The policy that is remembered spans the whole API, so that the right is asked for by each route.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_auditors_remembered_answer_opens_no_post() -> Result<()> {
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
