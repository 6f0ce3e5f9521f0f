//! Which of a tenant's catalogs is its catalog.

use anyhow::Result;
use e2e::{Cloud, Lakehouse};
use serde_json::{Value, json};

async fn names_it(lakehouse: &Lakehouse, catalog_name: &str) -> Result<()> {
    assert_eq!(lakehouse.get(&lakehouse.path()).await?.expect(200)?["catalog_name"], catalog_name);
    Ok(())
}

async fn set(lakehouse: &Lakehouse, catalog_name: &str, is_active: bool) -> Result<Value> {
    lakehouse.upsert(&json!({ "catalog_name": catalog_name, "is_active": is_active })).await?.expect(201)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_newest_active_catalog_is_the_tenants() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "newest").await?;
    lakehouse.get(&lakehouse.path()).await?.problem(404, "catalog_not_found")?;

    set(&lakehouse, "older", true).await?;
    names_it(&lakehouse, "older").await?;
    let newer = set(&lakehouse, "newer", true).await?;
    assert_eq!(lakehouse.get(&lakehouse.path()).await?.expect(200)?, newer);

    // Replacing one does not make it newer.
    set(&lakehouse, "older", true).await?;
    names_it(&lakehouse, "newer").await?;
    set(&lakehouse, "newer", false).await?;
    names_it(&lakehouse, "older").await?;
    set(&lakehouse, "older", false).await?;
    lakehouse.get(&lakehouse.path()).await?.problem(404, "catalog_not_found")?;
    set(&lakehouse, "newer", true).await?;
    names_it(&lakehouse, "newer").await?;
    Ok(())
}
