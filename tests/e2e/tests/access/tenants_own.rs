//! A tenant's own token gives access to its catalog, by id and by slug, and to its sync targets, but not to those of
//! others.

use anyhow::{Context as _, Result};
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

/// A deprovisioned tenant's token is still valid. It opens nothing, and nothing more is written for the tenant. Operators go on
/// reading.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_deprovisioned_tenant_sees_nothing_and_gets_nothing_more() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let issuer = Issuer::of(&cloud).await?;
    let tenant = tenant(&cloud, &issuer, "gone").await?;
    let admin = format!("Bearer {}", issuer.admin()?);
    let targets = "/v1/admin/lakehouse/sync-targets".to_owned();
    let own = |name: &str| format!("/v1/admin/tenants/{name}/catalog");
    let of_tenant = format!("{targets}?tenant_id={}", tenant.id);
    let paths = [own(&tenant.id), own(&tenant.slug), targets.clone(), of_tenant.clone()];
    for path in &paths {
        get(&cloud, &tenant, path).await?.expect(200)?;
    }
    cloud.deactivate(&tenant.slug).await?.no_content()?;
    for path in &paths {
        get(&cloud, &tenant, path).await?.problem(403, "forbidden")?;
    }
    get(&cloud, &tenant, &format!("{targets}?limit=none")).await?.problem(403, "forbidden")?;
    for path in [own(&tenant.id), own(&tenant.slug), of_tenant] {
        let call = cloud.request(Method::GET, &path).header("authorization", &admin);
        let seen = cloud.send(call).await?.expect(200)?;
        let seen = seen.as_array().and_then(|list| list.first()).unwrap_or(&seen);
        assert_eq!(seen["tenant_id"], tenant.id.as_str(), "{path}");
    }
    let secret = e2e::credential("late");
    for (path, body) in [
        (own(&tenant.id), json!({ "catalog_name": "ivory-lakehouse", "is_active": false })),
        (own(&tenant.slug), json!({ "catalog_name": "another" })),
        (own(&tenant.id), json!({ "s3_access_key_id": secret, "s3_secret_key_enc": secret })),
    ] {
        let mut order = json!({ "catalog_uri": "https://other.internal/catalog", "warehouse": "s3://other/", "storage_prefix": "o/" });
        let more = body.as_object().context("an object")?.clone();
        order.as_object_mut().context("an object")?.extend(more);
        let call = cloud.request(Method::POST, &path).header("authorization", &admin);
        cloud.send(call.json(&order)).await?.problem(409, "tenant_deprovisioned")?;
        let call = cloud.request(Method::POST, &path).header("authorization", &admin).header("if-match", "\"1\"");
        cloud.send(call.json(&order)).await?.problem(409, "tenant_deprovisioned")?;
    }
    for table in ["companies", "another"] {
        let target = json!({
            "tenant_id": tenant.id, "source_schema": "public", "source_table": "companies",
            "iceberg_namespace": format!("ivory_tenant_{}", tenant.slug), "iceberg_table": table,
        });
        let call = cloud.request(Method::POST, &targets).header("authorization", &admin);
        cloud.send(call.json(&target)).await?.problem(409, "tenant_deprovisioned")?;
    }
    cloud.change(&tenant.slug, json!({ "display_name": "x" })).await?.problem(409, "tenant_not_active")?;
    let call = cloud.request(Method::GET, &own(&tenant.id)).header("authorization", &admin);
    assert_eq!(cloud.send(call).await?.expect(200)?["catalog_uri"], "https://iomete.internal/api/v1/catalog");
    Ok(())
}
