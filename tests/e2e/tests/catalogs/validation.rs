//! Every reason for a 422, one by one and all together.

use std::collections::BTreeMap;

use anyhow::Result;
use e2e::{CREDENTIAL_MARK, Cloud, Lakehouse};
use serde_json::{Value, json};

const NAME: &str = "must be 1 to 128 letters, digits, dots, underscores and hyphens, first a letter or digit";
const TYPE: &str = "must be one of rest, hive, glue";
const URI: &str = "must be a URI such as s3://bucket/path, at most 2048 characters long";
const CREDENTIALS: &str = "must not contain a user name or password";
const CREDENTIAL: &str = "must not contain credentials such as a user name, a password, a key, a token or a signature";
const TEXT: &str = "must be 1 to 1024 characters long, without control characters";
const HTTP: &str = "must be an http or https URI";

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_field_is_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "rules").await?;
    let cases: &[(&str, Value, &str)] = &[
        ("catalog_name", Value::Null, "must be a string"),
        ("catalog_name", json!(17), "must be a string"),
        ("catalog_name", json!(""), NAME),
        ("catalog_name", json!("-lake"), NAME),
        ("catalog_name", json!("my lake"), NAME),
        ("catalog_name", json!("a".repeat(129)), NAME),
        ("catalog_type", json!("jdbc"), TYPE),
        ("catalog_type", json!("REST"), TYPE),
        ("catalog_type", Value::Null, "must be a string"),
        ("catalog_uri", Value::Null, "is required"),
        ("catalog_uri", json!(1), "must be a string"),
        ("catalog_uri", json!("iomete.internal"), URI),
        ("catalog_uri", json!(format!("https://iomete/{}", "a".repeat(2048))), URI),
        ("catalog_uri", json!(format!("https://user:{CREDENTIAL_MARK}@iomete/")), CREDENTIALS),
        ("catalog_uri", json!("thrift://metastore:9083"), "must be an http or https URI for catalog_type rest"),
        ("warehouse", Value::Null, "is required"),
        ("warehouse", json!("ivory-iceberg"), URI),
        ("warehouse", json!("s3://ivory iceberg/"), URI),
        ("warehouse", json!(format!("s3://key:{CREDENTIAL_MARK}@bucket/")), CREDENTIALS),
        ("warehouse", json!(format!("jdbc:postgresql://user:{CREDENTIAL_MARK}@host/warehouse")), CREDENTIALS),
        ("storage_prefix", Value::Null, "is required"),
        ("storage_prefix", json!(""), TEXT),
        ("storage_prefix", json!("a\nb"), TEXT),
        ("storage_prefix", json!("a".repeat(1025)), TEXT),
        ("s3_endpoint", json!("s3://minio"), HTTP),
        ("s3_endpoint", json!("minio:9000"), HTTP),
        ("s3_endpoint", json!(format!("https://key:{CREDENTIAL_MARK}@minio/")), CREDENTIALS),
        ("catalog_uri", json!(format!("https://iomete/?access_token={CREDENTIAL_MARK}")), CREDENTIAL),
        ("catalog_uri", json!(format!("https://iomete/?%2561pi_key={CREDENTIAL_MARK}#a")), CREDENTIAL),
        ("warehouse", json!(format!("jdbc:postgresql://host/warehouse?PASSWORD={CREDENTIAL_MARK}")), CREDENTIAL),
        ("warehouse", json!(format!("jdbc:sqlserver://host;password={CREDENTIAL_MARK}")), CREDENTIAL),
        ("s3_endpoint", json!(format!("https://minio/?X-Amz-Signature={CREDENTIAL_MARK}")), CREDENTIAL),
        ("metadata", json!({ "db": { "password": CREDENTIAL_MARK } }), CREDENTIAL),
        ("metadata", json!({ "from": [format!("postgres://user:{CREDENTIAL_MARK}@host/")] }), CREDENTIAL),
        ("s3_access_key_id", json!(1), "must be a string"),
        ("s3_access_key_id", json!(""), TEXT),
        ("s3_secret_key_enc", json!([CREDENTIAL_MARK]), "must be a string"),
        ("s3_secret_key_enc", json!(format!("{CREDENTIAL_MARK}\n")), TEXT),
        ("metadata", json!([]), "must be an object"),
        ("metadata", json!("{}"), "must be an object"),
        ("metadata", Value::Null, "must be an object"),
        ("metadata", json!({ "a": "a".repeat(64 * 1024) }), "must have 65536 bytes at most, written as JSON"),
        ("is_active", json!("true"), "must be true or false"),
        ("is_active", Value::Null, "must be true or false"),
        ("catalog_url", json!("x"), "is not a known field; did you mean catalog_uri?"),
        ("s3_secret_key_env", json!(CREDENTIAL_MARK), "is not a known field; did you mean s3_secret_key_enc?"),
        (
            "favourite_colour",
            json!("blue"),
            "is not a known field; known are catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix, s3_endpoint, s3_access_key_id, s3_secret_key_enc, metadata, is_active",
        ),
    ];
    for (field, value, message) in cases {
        let wrong = lakehouse.upsert(&json!({ *field: value })).await?.invalid()?;
        assert_eq!(wrong, BTreeMap::from([((*field).to_owned(), (*message).to_owned())]), "{field}: {value}");
    }
    lakehouse.get(&lakehouse.path()).await?.problem(404, "catalog_not_found")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_uri_of_a_catalog_must_match_its_type() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let order = |catalog_type: &str, uri: &str| json!({ "catalog_name": "typed", "catalog_type": catalog_type, "catalog_uri": uri });
    let hive = "must be a thrift:// URI for catalog_type hive";
    let glue = "must be an https URI or an ARN for catalog_type glue";
    for (catalog_type, uri, message) in [
        ("rest", "arn:aws:glue:us-east-1:123456789012:catalog", "must be an http or https URI for catalog_type rest"),
        ("hive", "https://metastore", hive),
        ("hive", "thrift:metastore", hive),
        ("glue", "http://glue", glue),
        ("glue", "arn:aws:glue", glue),
    ] {
        let wrong = lakehouse.upsert(&order(catalog_type, uri)).await?.invalid()?;
        assert_eq!(wrong, BTreeMap::from([("catalog_uri".to_owned(), message.to_owned())]), "{catalog_type} {uri}");
    }
    for (catalog_type, uri) in [
        ("rest", "http://iomete:8080"),
        ("hive", "thrift://metastore:9083"),
        ("glue", "https://glue.us-east-1.amazonaws.com/iceberg"),
        ("glue", "arn:aws:glue:us-east-1:123456789012:catalog"),
    ] {
        let record = lakehouse.upsert(&order(catalog_type, uri)).await?.expect(201)?;
        assert_eq!((&record["catalog_type"], &record["catalog_uri"]), (&json!(catalog_type), &json!(uri)));
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_answer_names_all_mistakes() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let wrong = json!({
        "catalog_nmae": "a", "catalog_name": "-", "catalog_type": "jdbc", "catalog_uri": "x", "warehouse": "x",
        "s3_endpoint": "x", "s3_access_key_id": "", "s3_secret_key_enc": 1, "metadata": [], "is_active": 1,
    });
    let mut expected: Vec<String> = wrong.as_object().into_iter().flatten().map(|(field, _)| field.clone()).collect();
    expected.push("storage_prefix".to_owned());
    expected.sort_unstable();
    let found: Vec<String> = lakehouse.post(&lakehouse.path(), &wrong).await?.invalid()?.into_keys().collect();
    assert_eq!(found, expected);

    let found: Vec<String> = lakehouse.post(&lakehouse.path(), &json!({})).await?.invalid()?.into_keys().collect();
    assert_eq!(found, ["catalog_uri", "storage_prefix", "warehouse"]);
    Ok(())
}
