//! A tenant's own token gives access to its catalog, by id and by slug, and to its sync targets, but not to those of
//! others.

use anyhow::Result;
use e2e::{Answer, Cloud, Issuer, unique};
use reqwest::Method;
use serde_json::json;

struct Tenant {
    id: String,
    slug: String,
    token: String,
}

async fn tenant(cloud: &Cloud, issuer: &Issuer, name: &str) -> Result<Tenant> {
    let slug = unique(name);
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let id = cloud.status(&slug).await?.tenant_id.to_string();
    let admin = format!("Bearer {}", issuer.admin()?);
    let catalog = json!({
        "catalog_uri": "https://iomete.internal/api/v1/catalog", "warehouse": "s3://ivory-iceberg/", "storage_prefix": format!("tenants/{slug}/"),
    });
    let call = cloud.request(Method::POST, &format!("/v1/admin/tenants/{id}/catalog"));
    cloud.send(call.header("authorization", &admin).json(&catalog)).await?.expect(201)?;
    let target = json!({
        "tenant_id": id, "source_schema": "public", "source_table": "companies",
        "iceberg_namespace": format!("ivory_tenant_{slug}"), "iceberg_table": "companies",
    });
    let call = cloud.request(Method::POST, "/v1/admin/lakehouse/sync-targets");
    cloud.send(call.header("authorization", &admin).json(&target)).await?.expect(201)?;
    Ok(Tenant { token: format!("Bearer {}", issuer.tenant(&id)?), id, slug })
}

async fn get(cloud: &Cloud, tenant: &Tenant, path: &str) -> Result<Answer> {
    cloud.send(cloud.request(Method::GET, path).header("authorization", &tenant.token)).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_sees_only_its_own_resources() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let issuer = Issuer::of(&cloud).await?;
    let (one, other) = (tenant(&cloud, &issuer, "own").await?, tenant(&cloud, &issuer, "other").await?);
    for name in [&one.id, &one.slug] {
        let catalog = get(&cloud, &one, &format!("/v1/admin/tenants/{name}/catalog")).await?.expect(200)?;
        assert_eq!(catalog["tenant_id"], one.id.as_str());
    }
    for name in [other.id.as_str(), &other.slug, "absent-tenant", "0190d5c0-0000-7000-8000-000000000000"] {
        get(&cloud, &one, &format!("/v1/admin/tenants/{name}/catalog")).await?.problem(403, "forbidden")?;
    }
    let targets = "/v1/admin/lakehouse/sync-targets";
    for query in [String::new(), format!("?tenant_id={}", one.id)] {
        let found = get(&cloud, &one, &format!("{targets}{query}")).await?.expect(200)?;
        let owners: Vec<_> = found.as_array().into_iter().flatten().map(|it| it["tenant_id"].as_str()).collect();
        assert_eq!(owners, [Some(one.id.as_str())], "{query}");
    }
    for query in [format!("?tenant_id={}", other.id), "?tenant_id=nobody".to_owned(), "?tenant_id=".to_owned()] {
        get(&cloud, &one, &format!("{targets}{query}")).await?.problem(403, "forbidden")?;
    }
    Ok(())
}
