//! The list of all tenants' catalogs.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Lakehouse};
use serde_json::{Value, json};

const PATH: &str = "/v1/admin/lakehouse/catalogs";

/// A tenant's three catalogs, newest first. The middle one is not active, and the oldest was the last to be replaced.
async fn three(cloud: &Cloud) -> Result<(Lakehouse, Vec<Value>)> {
    let lakehouse = Lakehouse::of_new_tenant(cloud, "listed").await?;
    lakehouse.upsert(&json!({ "catalog_name": "oldest" })).await?.expect(201)?;
    let middle = lakehouse.upsert(&json!({ "catalog_name": "middle", "is_active": false })).await?.expect(201)?;
    let newest = lakehouse.upsert(&json!({ "catalog_name": "newest" })).await?.expect(201)?;
    let oldest = lakehouse.upsert(&json!({ "catalog_name": "oldest" })).await?.expect(201)?;
    Ok((lakehouse, vec![newest, middle, oldest]))
}

fn of_tenant(lakehouse: &Lakehouse, list: &Value) -> Vec<Value> {
    let tenant_id = json!(lakehouse.tenant_id);
    list.as_array().into_iter().flatten().filter(|record| record["tenant_id"] == tenant_id).cloned().collect()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn all_catalogs_are_listed_newest_first_including_inactive_ones() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (lakehouse, records) = three(&cloud).await?;
    let list = lakehouse.get(PATH).await?.expect(200)?;
    assert_eq!(of_tenant(&lakehouse, &list), records);
    let place =
        |record: &Value| Some((record["provisioned_at"].as_str()?.to_owned(), record["id"].as_str()?.to_owned()));
    let places: Option<Vec<_>> = list.as_array().context("no array")?.iter().map(place).collect();
    let places = places.context("a record without time or id")?;
    ensure!(places.windows(2).all(|pair| pair[0] > pair[1]), "not newest first");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn pages_follow_each_other_without_a_gap() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (lakehouse, records) = three(&cloud).await?;
    let mut path = format!("{PATH}?limit=1");
    let mut found = Vec::new();
    // Newer catalogs of other tests come first. Once the first page is read, no catalog can appear between these.
    while found.len() < records.len() {
        let page = lakehouse.get(&path).await?;
        let list = page.expect(200)?;
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{path}");
        found.extend(of_tenant(&lakehouse, &list));
        if found.len() < records.len() {
            page.next().context("no next page")?.clone_into(&mut path);
        }
    }
    assert_eq!(found, records);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_last_page_has_no_link() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    lakehouse.upsert(&json!({ "catalog_name": "last-page" })).await?.expect(201)?;
    let all = lakehouse.get(PATH).await?;
    ensure!(all.expect(200)?.as_array().is_some_and(|list| !list.is_empty()), "{all:?}");
    assert_eq!(all.header("link"), None);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn query_parameters_are_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let limit = "must be a whole number from 1 to 10000";
    for (query, field, message) in [
        ("limit=0", "limit", limit),
        ("limit=10001", "limit", limit),
        ("limit=many", "limit", limit),
        ("cursor=x", "cursor", "must be the cursor of a page's Link header, as it was given"),
        ("limt=1", "limt", "is not a known field; did you mean limit?"),
        ("tenant_id=x", "tenant_id", "is not a known field; known are limit, cursor"),
        ("limit=1&limit=2", "limit", "is given twice"),
    ] {
        let wrong = lakehouse.get(&format!("{PATH}?{query}")).await?.invalid()?;
        assert_eq!(wrong, BTreeMap::from([(field.to_owned(), message.to_owned())]), "{query}");
    }
    Ok(())
}
