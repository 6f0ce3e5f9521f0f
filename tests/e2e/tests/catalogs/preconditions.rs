//! `If-Match`: a request for a version that is no longer current changes nothing.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Lakehouse, credential};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn order(catalog_name: &str, storage_prefix: &str) -> Value {
    json!({
        "catalog_name": catalog_name,
        "storage_prefix": storage_prefix,
        "s3_access_key_id": credential("id"),
        "s3_secret_key_enc": credential("key"),
    })
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_old_version_changes_neither_row_nor_secret() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    lakehouse.upsert(&order("outdated", "1/")).await?.expect(201)?;
    let answer = lakehouse.upsert_if("\"1\"", &order("outdated", "2/")).await?;
    answer.expect(201)?;
    assert_eq!(answer.header("etag"), Some("\"2\""));
    let state = async || anyhow::Ok((lakehouse.row("outdated").await?, lakehouse.secret_versions("outdated").await?));
    let before = state().await?;
    for if_match in ["\"1\"", "\"3\"", "W/\"2\"", "\"x\"", "\"0\""] {
        lakehouse.upsert_if(if_match, &order("outdated", "3/")).await?.problem(412, "version_mismatch")?;
        assert_eq!(state().await?, before, "{if_match}");
    }
    for if_match in ["\"1\", \"2\"", "*"] {
        lakehouse.upsert_if(if_match, &order("outdated", "4/")).await?.expect(201)?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_catalog_that_does_not_exist_matches_no_version() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    for if_match in ["*", "\"1\"", "\"0\""] {
        lakehouse.upsert_if(if_match, &order("absent", "1/")).await?.problem(412, "version_mismatch")?;
    }
    assert_eq!(lakehouse.row("absent").await?, None);
    assert_eq!(lakehouse.secret_versions("absent").await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_invalid_entity_tag_is_malformed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    for if_match in ["1", "\"1", "*, \"1\""] {
        lakehouse.upsert_if(if_match, &order("malformed", "1/")).await?.problem(400, "malformed_request")?;
    }
    assert_eq!(lakehouse.row("malformed").await?, None);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_of_ten_changes_of_the_same_version_is_made() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    lakehouse.upsert(&order("contested", "0/")).await?.expect(201)?;
    let orders: Vec<Value> = (1..=10).map(|number| order("contested", &format!("{number}/"))).collect();
    let answers = join_all(orders.iter().map(|order| lakehouse.upsert_if("\"1\"", order))).await;
    let mut made = Vec::new();
    for (answer, order) in answers.into_iter().zip(&orders) {
        let answer = answer?;
        match answer.status {
            201 => made.push(order),
            // A request that waits too long for the others gives up.
            503 => drop(answer.problem(503, "unavailable")?),
            _ => drop(answer.problem(412, "version_mismatch")?),
        }
    }
    let [made] = made.as_slice() else { anyhow::bail!("{} were made", made.len()) };
    let row = lakehouse.row("contested").await?.context("no row")?;
    assert_eq!((&row["version"], &row["storage_prefix"]), (&json!(2), &made["storage_prefix"]));
    assert_eq!(lakehouse.credentials("contested").await?["s3_secret_key"], made["s3_secret_key_enc"]);
    let versions = lakehouse.secret_versions("contested").await?;
    ensure!(versions.len() == 2, "the secret has {} versions", versions.len());
    Ok(())
}
