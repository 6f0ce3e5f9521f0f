//! S3 credentials are in Secrets Manager, in the version that the row names, and in no other place.

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, CREDENTIAL_MARK, Cloud, Lakehouse, answers, credential};
use serde_json::{Value, json};

/// The value of a catalog's secret.
fn value(s3_access_key_id: &Value, s3_secret_key: &Value) -> Value {
    json!({ "s3_access_key_id": s3_access_key_id, "s3_secret_key": s3_secret_key })
}

async fn version(lakehouse: &Lakehouse, catalog_name: &str) -> Result<Value> {
    Ok(lakehouse.row(catalog_name).await?.context("no row")?["secret_version"].clone())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn credentials_are_in_the_version_that_the_row_names() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let (id, key) = (json!(credential("id")), json!(credential("key")));
    let order = json!({ "catalog_name": "kept-safe", "s3_access_key_id": id, "s3_secret_key_enc": key });
    lakehouse.upsert(&order).await?.expect(201)?;
    assert_eq!(lakehouse.credentials("kept-safe").await?, value(&id, &key));
    ensure!(lakehouse.secret_has_the_installations_key("kept-safe").await?, "it is encrypted with the account's key");
    assert_eq!(json!(lakehouse.secret_versions("kept-safe").await?), json!([version(&lakehouse, "kept-safe").await?]));

    let new = json!(credential("key"));
    let order = json!({ "catalog_name": "kept-safe", "s3_access_key_id": id, "s3_secret_key_enc": new });
    lakehouse.upsert(&order).await?.expect(201)?;
    assert_eq!(lakehouse.credentials("kept-safe").await?, value(&id, &new));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_omitted_credential_is_kept_and_null_removes_it() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let (id, key, new) = (json!(credential("id")), json!(credential("key")), json!(credential("new")));
    let null = Value::Null;
    for (change, expected) in [
        (json!({ "s3_secret_key_enc": key }), value(&null, &key)),
        (json!({ "s3_access_key_id": id }), value(&id, &key)),
        (json!({}), value(&id, &key)),
        (json!({ "s3_secret_key_enc": new }), value(&id, &new)),
        (json!({ "s3_access_key_id": null }), value(&null, &new)),
        (json!({ "s3_access_key_id": id, "s3_secret_key_enc": null }), value(&id, &null)),
        (json!({ "s3_access_key_id": null, "s3_secret_key_enc": null }), value(&null, &null)),
    ] {
        let mut order = change.clone();
        order["catalog_name"] = json!("in-halves");
        lakehouse.upsert(&order).await?.expect(201)?;
        assert_eq!(lakehouse.credentials("in-halves").await?, expected, "{change}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_unchanged_credential_is_not_written_again() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let (id, key) = (credential("id"), credential("key"));
    let order = json!({ "catalog_name": "unchanged", "s3_access_key_id": id, "s3_secret_key_enc": key });
    lakehouse.upsert(&order).await?.expect(201)?;
    let first = version(&lakehouse, "unchanged").await?;
    for order in [
        order,
        json!({ "catalog_name": "unchanged", "s3_secret_key_enc": key }),
        json!({ "catalog_name": "unchanged" }),
    ] {
        lakehouse.upsert(&order).await?.expect(201)?;
        assert_eq!(version(&lakehouse, "unchanged").await?, first);
    }
    assert_eq!(json!(lakehouse.secret_versions("unchanged").await?), json!([first]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn without_credentials_there_is_no_secret() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    for order in [
        json!({ "catalog_name": "open" }),
        json!({ "catalog_name": "open", "s3_access_key_id": null, "s3_secret_key_enc": null }),
    ] {
        lakehouse.upsert(&order).await?.expect(201)?;
        assert_eq!(version(&lakehouse, "open").await?, Value::Null);
        assert_eq!(lakehouse.secret_versions("open").await?, Vec::<String>::new());
    }
    Ok(())
}

/// Catalogs of two tenants with the same name have separate secrets.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn each_tenants_catalog_has_its_own_secret() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (one, two) = (Lakehouse::shared(&cloud).await?, Lakehouse::of_new_tenant(&cloud, "apart").await?);
    let order = |key: &str| json!({ "catalog_name": "same-name", "s3_secret_key_enc": key });
    let (first, second) = (credential("first"), credential("second"));
    one.upsert(&order(&first)).await?.expect(201)?;
    two.upsert(&order(&second)).await?.expect(201)?;
    assert_eq!(one.credentials("same-name").await?["s3_secret_key"], first);
    assert_eq!(two.credentials("same-name").await?["s3_secret_key"], second);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn credentials_are_in_no_column_answer_or_log_line() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "discreet").await?;
    let order = || json!({ "s3_access_key_id": credential("id"), "s3_secret_key_enc": credential("key") });
    lakehouse.upsert(&order()).await?.expect(201)?;
    let last = lakehouse.upsert(&order()).await?;
    last.expect(201)?;
    lakehouse.get(&lakehouse.path()).await?.expect(200)?;

    let rows = "SELECT to_jsonb(c)::text FROM lakehouse.tenant_catalogs AS c WHERE tenant_id = $1
                UNION ALL SELECT to_jsonb(a)::text FROM control.audit_log AS a WHERE tenant_id = $1";
    let rows = cloud.control().await?.query(rows, &[&lakehouse.tenant_id]).await?;
    ensure!(rows.len() >= 3, "expected the catalog's row and an audit row for each upsert");
    ensure!(!rows.iter().any(|row| row.get::<_, &str>(0).contains(CREDENTIAL_MARK)), "a column holds a credential");
    ensure!(
        !answers().iter().map(Answer::text).any(|text| text.contains(CREDENTIAL_MARK)),
        "an answer has a credential"
    );
    let request_id = last.header("x-request-id").context("no request id")?;
    let lines = cloud.aws.log_events_with(request_id).await?;
    ensure!(!lines.iter().any(|line| line.contains(CREDENTIAL_MARK)), "a log line holds a credential");
    Ok(())
}
