//! Who calls is told to whoever calls.

use anyhow::{Context as _, Result};
use domain::routes::{Credential, ROUTES};
use e2e::{Cloud, Issuer};
use reqwest::Method;
use serde_json::{Value, json};

async fn me(cloud: &Cloud, path: &str, header: (&str, &str)) -> Result<Value> {
    cloud.send(cloud.request(Method::GET, path).header(header.0, header.1)).await?.expect(200)
}

/// The operations that the matrix of the route table gives to one of these groups.
fn operations(credential: Credential, groups: &[&str], tenants_own: bool) -> Value {
    let may = ROUTES.iter().filter(|route| {
        let by_group = route.groups.iter().any(|group| groups.contains(group));
        route.credential == credential && (route.for_everybody || by_group || (tenants_own && route.tenants_own))
    });
    may.map(|route| route.name).collect()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_key_is_told_whose_it_is_and_what_it_may() -> Result<()> {
    let cloud = Cloud::from_env()?;
    for (key, name, groups) in [
        (&cloud.admin_key, "platform-admin", &["admin"][..]),
        (&cloud.deputy_key, "platform-deputy", &["admin"]),
        (&cloud.auditor_key, "platform-auditor", &["auditor"][..]),
        (&cloud.stranger_key, "reporting", &[][..]),
    ] {
        let found = me(&cloud, "/v1/admin/me", ("x-api-key", key)).await?;
        let expected =
            json!({ "name": name, "groups": groups, "operations": operations(Credential::ApiKey, groups, false) });
        assert_eq!(found, expected);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_token_is_told_whose_it_is_and_what_it_may() -> Result<()> {
    const TENANT: &str = "0190d5c0-0000-7000-8000-000000000000";
    let cloud = Cloud::from_env()?;
    let issuer = Issuer::of(&cloud).await?;
    let claims = issuer.claims("auth0|ü 1")?;
    let at = |name: &str| claims[name].as_u64().context("a number");
    let expires = format!("{:.6}", jiff::Timestamp::from_second(i64::try_from(at("exp")?)?)?);
    for (sub, role, roles, tenant) in [
        ("auth0|ü 1", json!(null), &[][..], Value::Null),
        ("auth0|ü 1", json!(["x", "admin"]), &["admin"][..], Value::Null),
        (TENANT, json!("tenant"), &["tenant"][..], json!(TENANT)),
        (TENANT, json!(["admin", "tenant"]), &["admin", "tenant"][..], json!(TENANT)),
        (TENANT, json!("auditor"), &["auditor"][..], Value::Null),
    ] {
        let mut claims = claims.clone();
        claims["sub"] = json!(sub);
        claims["role"] = role;
        let token = format!("Bearer {}", issuer.sign(&claims));
        let found = me(&cloud, "/v1/admin/lakehouse/me", ("authorization", &token)).await?;
        let expected = json!({
            "name": sub, "issuer": claims["iss"], "roles": roles, "tenant_id": tenant, "expires_at": expires,
            "operations": operations(Credential::Bearer, roles, !tenant.is_null()),
        });
        assert_eq!(found, expected);
    }
    Ok(())
}
