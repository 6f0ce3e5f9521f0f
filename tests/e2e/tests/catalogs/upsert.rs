//! What an upsert writes, and what a repeated upsert keeps.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Lakehouse, is_timestamp};
use reqwest::Method;
use serde_json::{Value, json};

/// The body of the documentation's example, with the tenant's own prefix.
fn example(slug: &str) -> Value {
    json!({
        "catalog_uri": "https://iomete.internal/api/v1/catalog",
        "warehouse": "s3://ivory-iceberg/",
        "storage_prefix": format!("tenants/{slug}/"),
        "s3_endpoint": "https://s3.us-east-1.amazonaws.com",
    })
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_documented_example_makes_a_catalog() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "acme").await?;
    let answer = lakehouse.post(&lakehouse.path(), &example(&lakehouse.slug)).await?;
    let record = answer.expect(201)?;
    let expected = json!({
        "id": lakehouse.catalog_id("ivory-lakehouse")?,
        "tenant_id": lakehouse.tenant_id,
        "tenant_slug": lakehouse.slug,
        "catalog_name": "ivory-lakehouse",
        "catalog_type": "rest",
        "catalog_uri": "https://iomete.internal/api/v1/catalog",
        "warehouse": "s3://ivory-iceberg/",
        "storage_prefix": format!("tenants/{}/", lakehouse.slug),
        "s3_endpoint": "https://s3.us-east-1.amazonaws.com",
        "metadata": {},
        "is_active": true,
        "provisioned_at": record["provisioned_at"],
        "updated_at": record["updated_at"],
    });
    assert_eq!(record, expected);
    ensure!(is_timestamp(&record["provisioned_at"]) && is_timestamp(&record["updated_at"]), "{record}");
    assert_eq!(answer.header("etag"), Some("\"1\""));

    let row = lakehouse.row("ivory-lakehouse").await?.context("no row")?;
    for column in ["id", "catalog_type", "catalog_uri", "warehouse", "storage_prefix", "s3_endpoint", "metadata"] {
        assert_eq!(row[column], expected[column], "{column}");
    }
    assert_eq!((&row["is_active"], &row["version"]), (&json!(true), &json!(1)));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_is_named_by_id_or_by_slug() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "named").await?;
    let by_slug = format!("/v1/admin/tenants/{}/catalog", lakehouse.slug);
    let example = example(&lakehouse.slug);
    let made = lakehouse.post(&by_slug, &example).await?.expect(201)?;
    let replaced = lakehouse.post(&lakehouse.path(), &example).await?.expect(201)?;
    assert_eq!((&replaced["id"], &replaced["tenant_id"]), (&made["id"], &json!(lakehouse.tenant_id)));
    let read = lakehouse.get(&by_slug).await?;
    assert_eq!((read.expect(200)?, read.header("etag")), (replaced, Some("\"2\"")));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_unknown_tenant_has_no_catalog() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    for tenant in ["0190d5c0-0000-7000-8000-000000000000", "absent-tenant", "No%20Tenant", "x", "%00", "%F0%9F%A6%84"] {
        let path = format!("/v1/admin/tenants/{tenant}/catalog");
        lakehouse.post(&path, &example(&lakehouse.slug)).await?.problem(404, "tenant_not_found")?;
        lakehouse.get(&path).await?.problem(404, "tenant_not_found")?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_repeated_upsert_replaces_all_but_id_and_provisioned_at() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let everything = json!({
        "catalog_name": "repeated",
        "catalog_type": "hive",
        "catalog_uri": "thrift://metastore:9083",
        "warehouse": "abfss://lake@ivory.dfs.core.windows.net/",
        "storage_prefix": format!("{}/elsewhere/", lakehouse.slug),
        "s3_endpoint": "http://minio:9000",
        "metadata": { "owner": "data", "nested": { "list": [1, null, "ü"] } },
        "is_active": false,
    });
    let first = lakehouse.upsert(&everything).await?.expect(201)?;
    for (field, value) in everything.as_object().into_iter().flatten() {
        assert_eq!(first[field], *value, "{field}");
    }

    // A field that is left out gets its default, even if the catalog had another value.
    let answer = lakehouse.upsert(&json!({ "catalog_name": "repeated" })).await?;
    let second = answer.expect(201)?;
    let mut expected = first.clone();
    for (field, value) in lakehouse.order(&json!({})).as_object().into_iter().flatten() {
        expected[field] = value.clone();
    }
    for (field, value) in [
        ("catalog_type", json!("rest")),
        ("s3_endpoint", Value::Null),
        ("metadata", json!({})),
        ("is_active", json!(true)),
        ("updated_at", second["updated_at"].clone()),
    ] {
        expected[field] = value;
    }
    assert_eq!(second, expected);
    assert_eq!(answer.header("etag"), Some("\"2\""));
    ensure!(second["updated_at"].as_str() > first["updated_at"].as_str(), "{second}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn catalogs_of_other_names_are_other_catalogs() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let one = lakehouse.upsert(&json!({ "catalog_name": "one", "storage_prefix": "one/" })).await?.expect(201)?;
    let two = lakehouse.upsert(&json!({ "catalog_name": "One", "storage_prefix": "two/" })).await?.expect(201)?;
    ensure!(one["id"] != two["id"], "{one}");
    assert_eq!(lakehouse.row("one").await?.context("no row")?["storage_prefix"], "one/");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_upsert_is_in_the_audit_log() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let mut requests = Vec::new();
    for prefix in ["first/", "second/"] {
        let answer = lakehouse.upsert(&json!({ "catalog_name": "on-record", "storage_prefix": prefix })).await?;
        answer.expect(201)?;
        requests.push(answer.header("x-request-id").context("no request id")?.to_owned());
    }
    let sql = "SELECT request_id, before ->> 'storage_prefix', after ->> 'storage_prefix' FROM control.audit_log
               WHERE tenant_id = $1 AND action = 'catalog.upsert' AND after ->> 'catalog_name' = 'on-record' ORDER BY id";
    let rows = cloud.control().await?.query(sql, &[&lakehouse.tenant_id]).await?;
    let rows: Vec<(String, Option<String>, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let [first, second] = requests.try_into().ok().context("two requests")?;
    let expected = [(first, None, "first/".to_owned()), (second, Some("first/".to_owned()), "second/".to_owned())];
    assert_eq!(rows, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_repeated_idempotency_key_replays_the_answer_and_writes_nothing() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let order = lakehouse.order(&json!({ "catalog_name": "keyed" }));
    let key = e2e::unique("key");
    let send = || lakehouse.request(Method::POST, &lakehouse.path()).header("idempotency-key", &key).json(&order);
    let first = cloud.send(send()).await?;
    let again = cloud.send(send()).await?;
    assert_eq!(again.expect(201)?, first.expect(201)?);
    assert_eq!((again.header("idempotency-replayed"), again.header("etag")), (Some("true"), Some("\"1\"")));
    assert_eq!(lakehouse.row("keyed").await?.context("no row")?["version"], 1);
    Ok(())
}
