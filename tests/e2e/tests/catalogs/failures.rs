//! Row and secret agree after every failure, and after simultaneous requests.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, Lakehouse, credential, with_faults};
use fault_proxy::client::{HeaderMatch, Match, When};
use futures_util::future::join_all;
use serde_json::{Value, json};

const NAME: &str = "ivory-lakehouse";

/// The request changes both halves of the credential.
fn order(storage_prefix: &str) -> Value {
    json!({
        "storage_prefix": storage_prefix,
        "s3_access_key_id": credential("id"),
        "s3_secret_key_enc": credential("key"),
    })
}

/// Matches every call that writes this catalog's secret.
fn writing(lakehouse: &Lakehouse) -> Result<Match> {
    let regex = r"^secretsmanager\.(CreateSecret|PutSecretValue)$".to_owned();
    let header = Some(HeaderMatch { name: "x-amz-target".to_owned(), regex });
    Ok(Match { header, body_regex: Some(lakehouse.catalog_id(NAME)?), ..Match::default() })
}

fn unavailable(answer: &Answer) -> Result<()> {
    answer.problem(503, "unavailable")?;
    assert_eq!(answer.header("retry-after"), Some("5"));
    Ok(())
}

/// Checks that row and secret have the values of this request.
async fn is_as_ordered(lakehouse: &Lakehouse, order: &Value, version: i64) -> Result<()> {
    let row = lakehouse.row(NAME).await?.context("no row")?;
    assert_eq!((&row["storage_prefix"], &row["version"]), (&order["storage_prefix"], &json!(version)));
    let expected =
        json!({ "s3_access_key_id": order["s3_access_key_id"], "s3_secret_key": order["s3_secret_key_enc"] });
    assert_eq!(lakehouse.credentials(NAME).await?, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_secret_that_cannot_be_created_makes_no_catalog() -> Result<()> {
    with_faults(async |cloud, faults| {
        let lakehouse = Lakehouse::of_new_tenant(cloud, "uncreated").await?;
        let order = order("1/");
        let fault = faults.answer("aws", writing(&lakehouse)?, 500, "{}").await?;
        unavailable(&lakehouse.upsert(&order).await?)?;
        assert_eq!(lakehouse.row(NAME).await?, None);
        lakehouse.get(&lakehouse.path()).await?.problem(404, "catalog_not_found")?;
        faults.mend(fault).await?;
        lakehouse.upsert(&order).await?.expect(201)?;
        is_as_ordered(&lakehouse, &order, 1).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_secret_that_cannot_be_put_leaves_the_catalog_as_it_is() -> Result<()> {
    with_faults(async |cloud, faults| {
        let lakehouse = Lakehouse::of_new_tenant(cloud, "unput").await?;
        let (old, new) = (order("1/"), order("2/"));
        lakehouse.upsert(&old).await?.expect(201)?;
        let before = lakehouse.row(NAME).await?;
        let fault = faults.answer("aws", writing(&lakehouse)?, 500, "{}").await?;
        unavailable(&lakehouse.upsert(&new).await?)?;
        assert_eq!(lakehouse.row(NAME).await?, before);
        is_as_ordered(&lakehouse, &old, 1).await?;
        // A request without credentials does not need Secrets Manager.
        lakehouse.upsert(&json!({ "storage_prefix": "1/" })).await?.expect(201)?;
        faults.mend(fault).await?;
        lakehouse.upsert(&new).await?.expect(201)?;
        is_as_ordered(&lakehouse, &new, 3).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_lost_answer_of_a_put_leaves_the_catalog_as_it_is() -> Result<()> {
    with_faults(async |cloud, faults| {
        let lakehouse = Lakehouse::of_new_tenant(cloud, "unheard").await?;
        let (old, new) = (order("1/"), order("2/"));
        lakehouse.upsert(&old).await?.expect(201)?;
        // The answer is lost only once. Unlike Secrets Manager, the stand-in takes a repeated put for a new one, and it
        // deletes versions that are two versions old.
        let lost = faults.cut("aws", writing(&lakehouse)?.times(1), When::After).await?;
        let broken = faults.answer("aws", writing(&lakehouse)?, 500, "{}").await?;
        unavailable(&lakehouse.upsert(&new).await?)?;
        faults.mend(lost).await?;
        faults.mend(broken).await?;
        ensure!(lakehouse.secret_versions(NAME).await?.len() > 1, "nothing was put");
        is_as_ordered(&lakehouse, &old, 1).await?;
        // The version that the row names is kept, not the newest one.
        lakehouse
            .upsert(&json!({ "storage_prefix": "1/", "s3_access_key_id": old["s3_access_key_id"] }))
            .await?
            .expect(201)?;
        is_as_ordered(&lakehouse, &old, 2).await?;
        lakehouse.upsert(&new).await?.expect(201)?;
        is_as_ordered(&lakehouse, &new, 3).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_database_lost_between_put_and_commit_leaves_the_catalog_as_it_is() -> Result<()> {
    with_faults(async |cloud, faults| {
        let lakehouse = Lakehouse::of_new_tenant(cloud, "uncommitted").await?;
        let (old, new) = (order("1/"), order("2/"));
        lakehouse.upsert(&old).await?.expect(201)?;
        let before = lakehouse.row(NAME).await?;
        let hold = faults.hold_answer("aws", writing(&lakehouse)?).await?;
        let cut_off = async {
            faults.held(hold).await?;
            cloud.cut_off_who_locks(lakehouse.tenant_id, NAME).await?;
            faults.mend(hold).await
        };
        let (answer, cut_off) = tokio::join!(lakehouse.upsert(&new), cut_off);
        cut_off?;
        unavailable(&answer?)?;
        ensure!(lakehouse.secret_versions(NAME).await?.len() > 1, "nothing was put");
        assert_eq!(lakehouse.row(NAME).await?, before);
        is_as_ordered(&lakehouse, &old, 1).await?;
        lakehouse.upsert(&new).await?.expect(201)?;
        is_as_ordered(&lakehouse, &new, 2).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn row_and_secret_agree_after_fifteen_simultaneous_upserts() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = e2e::alone().await;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "rotated").await?;
    let mut tags = BTreeSet::new();
    let mut made = 0;
    // The first requests find no catalog, the later ones find one.
    for round in ["made", "replaced"] {
        let orders: Vec<Value> = (0..15).map(|number| order(&format!("{round}/{number}/"))).collect();
        for answer in join_all(orders.iter().map(|order| lakehouse.upsert(order))).await {
            let answer = answer?;
            // A request that waits too long for the others gives up.
            if answer.status == 503 {
                unavailable(&answer)?;
                continue;
            }
            answer.expect(201)?;
            made += 1;
            ensure!(
                tags.insert(answer.header("etag").context("no ETag")?.to_owned()),
                "two answers have the same version: {answer:?}"
            );
        }
        println!("{round}: {made} so far");
        let row = lakehouse.row(NAME).await?.context("no row")?;
        let last = orders.iter().find(|order| order["storage_prefix"] == row["storage_prefix"]);
        let version = row["version"].as_i64().context("no version")?;
        ensure!(tags.contains(&format!("\"{version}\"")), "the last change was not answered with success");
        is_as_ordered(&lakehouse, last.context("the row belongs to no request of this round")?, version).await?;
    }
    Ok(())
}
