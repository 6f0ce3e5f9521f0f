//! Every route is called with every kind of credential. The test fails if a route is missing in the matrix, or if
//! access differs from the contract.

mod cached;
mod issuers;
mod me;
mod tenants_own;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use domain::routes::{Credential, ROUTES, Route};
use e2e::{Answer, Cloud, Issuer, State, signed, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// 401.
    Unknown,
    /// 403.
    Forbidden,
    /// Anything else: the route itself answered.
    Served,
}
use Right::{Forbidden as F, Served as S, Unknown as U};

/// The kinds of credentials, in the order of the matrix's columns.
const KINDS: [&str; 16] = [
    "none",
    "malformed key",
    "unknown key",
    "key without a group",
    "auditor's key",
    "admin's key",
    "malformed token",
    "token without a signature",
    "token of another issuer's key",
    "expired token",
    "token for too long",
    "token without a role",
    "tenant's id without its role",
    "tenant's own token",
    "another tenant's token",
    "admin's token",
];

/// The expected result of each call. Keys and tokens are independent: a route that takes keys accepts no token, and the
/// other way round.
#[rustfmt::skip]
const MATRIX: &[(&str, [Right; 16])] = &[
    //                            none bad  unkn -    aud  adm| bad  none othr exp  long -    id   own  othr adm
    ("provision-tenant",         [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("list-tenants",             [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("get-tenant",               [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("get-tenant-status",        [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("update-tenant",            [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("deactivate-tenant",        [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("retry-tenant",             [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("restore-tenant",           [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("hold-tenant",              [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("release-tenant-hold",      [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("get-purge-plan",           [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("purge-tenant",             [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("approve-purge",            [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("get-purge",                [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("invite-admin",             [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("invalidate-tenant-cache",  [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("list-systems",             [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("list-tenant-resources",    [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    // It changes nothing, so whoever may read may ask for it.
    ("check-tenant",             [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("repair-tenant",            [U,   U,   U,   F,   F,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("list-tenant-audit",        [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("list-audit",               [U,   U,   U,   F,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("get-caller",               [U,   U,   U,   S,   S,   S,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U]),
    ("upsert-catalog",           [U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   F,   F,   F,   F,   S]),
    ("get-catalog",              [U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   F,   F,   S,   F,   S]),
    ("list-catalogs",            [U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   F,   F,   F,   F,   S]),
    ("check-lakehouse-health",   [S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S]),
    ("register-sync-target",     [U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   F,   F,   F,   F,   S]),
    // Another tenant's token lists the targets of that other tenant, and there are none.
    ("list-sync-targets",        [U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   F,   F,   S,   S,   S]),
    ("get-lakehouse-caller",     [U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   U,   S,   S,   S,   S,   S]),
    ("get-console",              [S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S,   S]),
];

/// One credential of each kind, in the order of [`KINDS`]: header and value.
async fn credentials(cloud: &Cloud, tenant_id: &str) -> Result<Vec<Option<(&'static str, String)>>> {
    let issuer = Issuer::of(cloud).await?;
    let key = |key: &str| Some(("x-api-key", key.to_owned()));
    let bearer = |token: String| Some(("authorization", format!("Bearer {token}")));
    let mut administrators = issuer.claims("somebody")?;
    administrators["role"] = json!("admin");
    let mut expired = administrators.clone();
    expired["exp"] = json!(administrators["iat"].as_u64().unwrap_or_default() - 60);
    let mut too_long = administrators.clone();
    too_long["exp"] = json!(administrators["iat"].as_u64().unwrap_or_default() + 24 * 60 * 60 + 1);
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let unsigned = signed(&json!({ "alg": "none" }), &administrators, b"");
    let unsigned = unsigned.rsplit_once('.').map(|(text, _)| format!("{text}.")).unwrap_or_default();
    Ok(vec![
        None,
        key("not a key"),
        key("ivory_nobody"),
        key(&cloud.stranger_key),
        key(&cloud.auditor_key),
        key(&cloud.admin_key),
        Some(("authorization", "Bearer not.a.token".to_owned())),
        bearer(unsigned),
        bearer(signed(&header, &administrators, b"another issuer's key, long enough for it")),
        bearer(issuer.sign(&expired)),
        bearer(issuer.sign(&too_long)),
        bearer(issuer.sign(&issuer.claims("somebody")?)),
        bearer(issuer.sign(&issuer.claims(tenant_id)?)),
        bearer(issuer.tenant(tenant_id)?),
        bearer(issuer.tenant("0190d5c0-0000-7000-8000-000000000000")?),
        bearer(issuer.admin()?),
    ])
}

/// A call that changes nothing even if it is served: bodies are invalid, and the tenant to deactivate does not exist.
fn request(cloud: &Cloud, route: &Route, tenant: &str) -> Result<reqwest::RequestBuilder> {
    let tenant = if route.method == "DELETE" { "absent-tenant" } else { tenant };
    let path = route.path.replace("{tenant}", tenant);
    let request = cloud.request(Method::from_bytes(route.method.as_bytes())?, &path);
    Ok(if route.body.is_taken() { request.json(&json!({ "no_such_field": 1 })) } else { request })
}

fn right(answer: &Answer) -> Result<Right> {
    Ok(match answer.status {
        401 => answer.problem(401, "unauthenticated").map(|_| Right::Unknown)?,
        403 => answer.problem(403, "forbidden").map(|_| Right::Forbidden)?,
        status => {
            ensure!(status < 500, "not served: {answer:?}");
            Right::Served
        }
    })
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_credential_has_exactly_the_access_in_the_matrix() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let known: BTreeSet<_> = MATRIX.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, ROUTES.iter().map(|route| route.name).collect(), "left: all routes, right: routes of the matrix");
    let slug = unique("matrix");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let tenant_id = cloud.status(&slug).await?.tenant_id.to_string();
    let credentials = credentials(&cloud, &tenant_id).await?;
    let mut wrong = Vec::new();
    for route in ROUTES {
        let (_, expected) = MATRIX.iter().find(|(name, _)| *name == route.name).expect("compared above");
        let tenant = if route.credential == Credential::Bearer { &tenant_id } else { &slug };
        for ((kind, credential), expected) in KINDS.iter().zip(&credentials).zip(expected) {
            let mut call = request(&cloud, route, tenant)?;
            if let Some((name, value)) = credential {
                call = call.header(*name, value);
            }
            let answer = cloud.send(call).await?;
            let found = right(&answer)?;
            if found != *expected {
                wrong.push(format!("{} with {kind}: {found:?}, not {expected:?}", route.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
    Ok(())
}

/// A 403 is the same whether the resource exists or not.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_403_does_not_reveal_what_exists() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("hidden");
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let tenant_id = cloud.status(&slug).await?.tenant_id.to_string();
    let issuer = Issuer::of(&cloud).await?;
    let stranger = format!("Bearer {}", issuer.sign(&issuer.claims("somebody")?));
    for route in ROUTES.iter().filter(|route| route.path.contains("{tenant}")) {
        let mut answers = Vec::new();
        for tenant in [slug.as_str(), &tenant_id, "absent-tenant", "No Tenant", "0190d5c0-0000-7000-8000-000000000000"]
        {
            let path = route.path.replace("{tenant}", &tenant.replace(' ', "%20"));
            let call = cloud.request(Method::from_bytes(route.method.as_bytes())?, &path);
            let call = call.header("x-api-key", &cloud.stranger_key).header("authorization", &stranger);
            let mut problem: Value = cloud.send(call.json(&json!({}))).await?.problem(403, "forbidden")?;
            problem["request_id"] = Value::Null;
            answers.push(problem);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{}", route.name);
    }
    Ok(())
}

/// RFC 9110, section 11.4: a scheme in any case, spaces, one token. Two of them are none.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_header_is_read_as_the_standard_says() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let token = Issuer::of(&cloud).await?.admin()?;
    let send = async |values: &[&str]| {
        let mut call = cloud.request(Method::GET, "/v1/admin/lakehouse/catalogs?limit=1");
        for value in values {
            call = call.header("authorization", *value);
        }
        cloud.send(call).await
    };
    for good in [format!("bearer {token}"), format!("BEARER {token}"), format!("Bearer   {token}")] {
        send(&[&good]).await?.expect(200)?;
    }
    let whole = format!("Bearer {token}");
    for bad in [
        format!("Bearer\t{token}"),
        format!("Bearer {token},"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer token={token}"),
        format!("Basic YTpi, Bearer {token}"),
        token.clone(),
    ] {
        send(&[&bad]).await?.problem(401, "unauthenticated")?;
    }
    send(&[&whole, &whole]).await?.problem(401, "unauthenticated")?;
    send(&["Basic YTpi", &whole]).await?.problem(401, "unauthenticated")?;
    Ok(())
}
