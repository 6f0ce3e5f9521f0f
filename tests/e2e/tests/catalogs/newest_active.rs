//! The tenant's catalog is its newest active one.

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
async fn the_tenants_catalog_is_its_newest_active_one() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "newest").await?;
    lakehouse.get(&lakehouse.path()).await?.problem(404, "catalog_not_found")?;

    set(&lakehouse, "older", true).await?;
    names_it(&lakehouse, "older").await?;
    let newer = set(&lakehouse, "newer", true).await?;
    assert_eq!(lakehouse.get(&lakehouse.path()).await?.expect(200)?, newer);

    // A replaced catalog keeps its place in the order.
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
