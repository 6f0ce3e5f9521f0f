//! Tenants, routes and methods that do not exist.

use anyhow::Result;
use e2e::{Cloud, unique};
use reqwest::Method;

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_unknown_tenant_is_not_found() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let absent = unique("absent");
    for slug in
        [absent.as_str(), "ab", "-ab-", "Acme-Bank", "acme_bank", "acme%20bank", "%27%3B--", "0192f5c8-7a4e-7cc1"]
    {
        for path in [format!("/v1/admin/tenants/{slug}"), format!("/v1/admin/tenants/{slug}/status")] {
            cloud.get(&path).await?.problem(404, "tenant_not_found")?;
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_unknown_route_is_not_found_with_and_without_a_key() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let unknown = [
        (Method::GET, "/v1/"),
        (Method::GET, "/v1/admin"),
        (Method::GET, "/v1/admin/tenant"),
        (Method::GET, "/v1/admin/tenants/acme-bank/status/more"),
        (Method::GET, "/v1/admin/tenants/acme-bank/secrets"),
        (Method::DELETE, "/v1/admin/tenants/acme-bank/status"),
        (Method::PUT, "/v1/admin/tenants"),
    ];
    for (method, path) in unknown {
        let bare = cloud.request(method.clone(), path);
        cloud.send(bare).await?.problem(404, "route_not_found")?;
        cloud.send(cloud.admin(method, path)).await?.problem(404, "route_not_found")?;
    }
    Ok(())
}
