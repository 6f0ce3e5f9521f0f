//! Sync targets: they are registered into a tenant's catalog and namespace, replaced when registered again, and listed
//! in pages.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, Lakehouse, is_timestamp, unique};
use futures_util::future::join_all;
use serde_json::{Value, json};

const PATH: &str = "/v1/admin/lakehouse/sync-targets";

/// A new tenant with an active catalog of the default name.
async fn with_catalog(cloud: &Cloud, name: &str) -> Result<Lakehouse> {
    let lakehouse = Lakehouse::of_new_tenant(cloud, name).await?;
    lakehouse.upsert(&json!({})).await?.expect(201)?;
    Ok(lakehouse)
}

/// The tenant that tests share if they change only their own target, with an active catalog of the default name.
async fn shared(cloud: &Cloud) -> Result<Lakehouse> {
    let lakehouse = Lakehouse::shared(cloud).await?;
    lakehouse.upsert(&json!({})).await?.expect(201)?;
    Ok(lakehouse)
}

/// The tenant's rows with every column.
async fn rows(lakehouse: &Lakehouse, source_table: &str) -> Result<Vec<Value>> {
    let sql = "SELECT to_jsonb(s) FROM lakehouse.sync_targets AS s WHERE tenant_id = $1 AND source_table = $2";
    let rows = lakehouse.cloud.control().await?.query(sql, &[&lakehouse.tenant_id, &source_table]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn invalid(answer: &Answer, field: &str, message: &str) -> Result<()> {
    assert_eq!(answer.invalid()?, BTreeMap::from([(field.to_owned(), message.to_owned())]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_documented_example_registers_a_target() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = with_catalog(&cloud, "acme").await?;
    let namespace = format!("ivory_tenant_{}", lakehouse.slug);
    let example = json!({
        "tenant_id": lakehouse.tenant_id,
        "source_schema": "public",
        "source_table": "companies",
        "iceberg_namespace": namespace,
        "iceberg_table": "companies_snapshot",
        "sync_mode": "incremental",
        "primary_key_cols": ["id"],
        "cursor_col": "updated_at",
    });
    let record = lakehouse.post(PATH, &example).await?.expect(201)?;
    let expected = json!({
        "id": record["id"],
        "tenant_id": lakehouse.tenant_id,
        "tenant_slug": lakehouse.slug,
        "catalog_name": "ivory-lakehouse",
        "source_schema": "public",
        "source_table": "companies",
        "iceberg_namespace": namespace,
        "iceberg_table": "companies_snapshot",
        "sync_mode": "incremental",
        "primary_key_cols": ["id"],
        "cursor_col": "updated_at",
        "fivetran_connector_id": null,
        "shared_table": false,
        "metadata": {},
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
    });
    assert_eq!(record, expected);
    ensure!(is_timestamp(&record["created_at"]) && is_timestamp(&record["updated_at"]), "{record}");

    let rows = rows(&lakehouse, "companies").await?;
    let [row] = rows.as_slice() else { anyhow::bail!("not one row: {rows:?}") };
    for (column, value) in example.as_object().into_iter().flatten() {
        assert_eq!(row[column], *value, "{column}");
    }
    assert_eq!(row["id"], record["id"]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_target_that_is_registered_again_is_replaced() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = shared(&cloud).await?;
    let everything = json!({
        "source_table": "replaced",
        "sync_mode": "full_refresh",
        "primary_key_cols": ["tenant", "Größe"],
        "cursor_col": "updated_at",
        "fivetran_connector_id": "warm_wind",
        "metadata": { "owner": "data" },
    });
    let first = lakehouse.register(&everything).await?.expect(201)?;
    for (field, value) in everything.as_object().into_iter().flatten() {
        assert_eq!(first[field], *value, "{field}");
    }
    // A field that is left out gets its default, even if the target had another value.
    let second = lakehouse.register(&json!({ "source_table": "replaced" })).await?.expect(201)?;
    let mut expected = first.clone();
    for (field, value) in [
        ("sync_mode", json!("incremental")),
        ("primary_key_cols", json!([])),
        ("cursor_col", Value::Null),
        ("fivetran_connector_id", Value::Null),
        ("metadata", json!({})),
        ("updated_at", second["updated_at"].clone()),
    ] {
        expected[field] = value;
    }
    assert_eq!(second, expected);
    ensure!(second["updated_at"].as_str() > first["updated_at"].as_str(), "{second}");
    assert_eq!(rows(&lakehouse, "replaced").await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_different_source_or_destination_makes_another_target() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = shared(&cloud).await?;
    let mut ids = BTreeSet::new();
    for (field, value) in [
        ("source_table", json!("other")),
        ("source_schema", json!("private")),
        ("iceberg_table", json!("other")),
        ("iceberg_namespace", json!(format!("ivory_tenant_{}.raw", lakehouse.slug))),
    ] {
        let mut target = json!({ "source_table": "other", "shared_table": true });
        target[field] = value;
        let record = lakehouse.register(&target).await?.expect(201)?;
        ids.insert(record["id"].to_string());
    }
    assert_eq!(ids.len(), 4);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn two_sources_feed_one_table_only_if_that_is_meant() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = with_catalog(&cloud, "feed").await?;
    let target = |source: &str, table: &str, shared: bool| json!({ "source_table": source, "iceberg_table": table, "shared_table": shared });
    let first = lakehouse.register(&target("one", "Firms", false)).await?.expect(201)?;
    for table in ["Firms", "firms", "ＦＩＲＭＳ"] {
        lakehouse.register(&target("two", table, false)).await?.problem(409, "iceberg_table_taken")?;
    }
    assert_eq!(rows(&lakehouse, "two").await?, Vec::<Value>::new());
    let second = lakehouse.register(&target("two", "firms", true)).await?.expect(201)?;
    assert_eq!((&first["shared_table"], &second["shared_table"]), (&json!(false), &json!(true)));
    // Who is there already stays.
    assert_eq!(lakehouse.register(&target("one", "Firms", false)).await?.expect(201)?["id"], first["id"]);
    invalid(&lakehouse.register(&json!({ "shared_table": "yes" })).await?, "shared_table", "must be true or false")?;

    let sources: Vec<Value> = (0..6).map(|n| target(&format!("source{n}"), "raced", false)).collect();
    let answers = join_all(sources.iter().map(|source| lakehouse.register(source))).await;
    let mut winners = 0;
    for answer in answers {
        let answer = answer?;
        if answer.problem(409, "iceberg_table_taken").is_err() {
            answer.expect(201)?;
            winners += 1;
        }
    }
    assert_eq!(winners, 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn ten_simultaneous_registrations_make_one_target() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = shared(&cloud).await?;
    let target = json!({ "source_table": "crowded" });
    let mut records = BTreeSet::new();
    for answer in join_all((0..10).map(|_| lakehouse.register(&target))).await {
        let record = answer?.expect(201)?;
        records.insert((record["id"].to_string(), record["created_at"].to_string()));
    }
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(rows(&lakehouse, "crowded").await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_target_uses_the_newest_active_catalog_or_the_named_one() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = with_catalog(&cloud, "into").await?;
    lakehouse.upsert(&json!({ "catalog_name": "newest" })).await?.expect(201)?;
    let record = lakehouse.register(&json!({})).await?.expect(201)?;
    assert_eq!(record["catalog_name"], "newest");
    let moved = lakehouse.register(&json!({ "catalog_name": "ivory-lakehouse" })).await?.expect(201)?;
    assert_eq!((&moved["catalog_name"], &moved["id"]), (&json!("ivory-lakehouse"), &record["id"]));
    lakehouse.upsert(&json!({ "catalog_name": "newest", "is_active": false })).await?.expect(201)?;
    let record = lakehouse.register(&json!({ "source_table": "later" })).await?.expect(201)?;
    assert_eq!(record["catalog_name"], "ivory-lakehouse");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn without_an_active_catalog_there_is_no_target() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "nowhere").await?;
    lakehouse.register(&json!({})).await?.problem(409, "no_active_catalog")?;
    lakehouse.upsert(&json!({ "is_active": false })).await?.expect(201)?;
    lakehouse.register(&json!({})).await?.problem(409, "no_active_catalog")?;
    let named = json!({ "catalog_name": "ivory-lakehouse" });
    lakehouse.register(&named).await?.problem(409, "no_active_catalog")?;
    // Neither another active catalog nor a catalog that does not exist is used instead.
    lakehouse.upsert(&json!({ "catalog_name": "other" })).await?.expect(201)?;
    lakehouse.register(&named).await?.problem(409, "no_active_catalog")?;
    lakehouse.register(&json!({ "catalog_name": "absent" })).await?.problem(409, "no_active_catalog")?;
    assert_eq!(rows(&lakehouse, "companies").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn another_tenants_catalog_is_not_found() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let other = with_catalog(&cloud, "theirs").await?;
    let name = unique("theirs");
    other.upsert(&json!({ "catalog_name": name })).await?.expect(201)?;
    let lakehouse = with_catalog(&cloud, "ours").await?;
    lakehouse.register(&json!({ "catalog_name": name })).await?.problem(409, "no_active_catalog")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_namespace_is_the_tenants_own_or_below_it() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = shared(&cloud).await?;
    let slug = &lakehouse.slug;
    let (own, underscored) = (format!("ivory_tenant_{slug}"), format!("ivory_tenant_{}", slug.replace('-', "_")));
    ensure!(own != underscored, "a slug without a hyphen shows nothing: {slug}");
    for good in [own.clone(), underscored.clone(), format!("{own}.raw"), format!("{underscored}.raw.v1-a_b")] {
        let target = json!({ "source_table": "spaces", "iceberg_namespace": good });
        assert_eq!(lakehouse.register(&target).await?.expect(201)?["iceberg_namespace"], good);
    }
    let other = Lakehouse::of_new_tenant(&cloud, "neighbour").await?.slug;
    let (parent, _) = slug.split_once('-').context("no hyphen")?;
    let message = format!("must be ivory_tenant_{slug} or lie below it; hyphens may be underscores");
    for bad in [
        format!("ivory_tenant_{other}"),
        // Namespaces of tenants whose slug begins like this one, and the other way round.
        format!("ivory_tenant_{parent}"),
        format!("{own}x"),
        format!("{own}_x"),
        format!("{own}-x.raw"),
        format!("raw.{own}"),
        own.to_uppercase(),
        slug.clone(),
    ] {
        let answer = lakehouse.register(&json!({ "source_table": "spaces", "iceberg_namespace": bad })).await?;
        invalid(&answer, "iceberg_namespace", &message).with_context(|| bad.clone())?;
    }
    assert_eq!(rows(&lakehouse, "spaces").await?.len(), 4);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_unknown_tenant_has_no_target() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = shared(&cloud).await?;
    let unknown = json!({ "tenant_id": "0190d5c0-0000-7000-8000-000000000000" });
    lakehouse.register(&unknown).await?.problem(404, "tenant_not_found")?;
    // The path accepts a slug, the body does not.
    invalid(&lakehouse.register(&json!({ "tenant_id": lakehouse.slug })).await?, "tenant_id", "must be a UUID")
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_field_is_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = shared(&cloud).await?;
    let identifier = "must be 1 to 63 bytes long, without control characters";
    let table = "must be 1 to 255 characters long, without control characters, dots and slashes";
    let space = "must be letters, digits, underscores and hyphens with dots in between, at most 255 in all";
    let text = "must be 1 to 255 characters long, without control characters";
    let cases: &[(&str, Value, &str)] = &[
        ("tenant_id", Value::Null, "is required"),
        ("tenant_id", json!("acme"), "must be a UUID"),
        ("catalog_name", Value::Null, "must be a string"),
        ("source_schema", Value::Null, "is required"),
        ("source_schema", json!("ü".repeat(32)), identifier),
        ("source_table", Value::Null, "is required"),
        ("source_table", json!(""), identifier),
        ("source_table", json!("a\tb"), identifier),
        ("iceberg_namespace", Value::Null, "is required"),
        ("iceberg_namespace", json!("a..b"), space),
        ("iceberg_namespace", json!("a/b"), space),
        ("iceberg_table", Value::Null, "is required"),
        ("iceberg_table", json!("a.b"), table),
        ("iceberg_table", json!("../b"), table),
        ("sync_mode", json!("full"), "must be one of incremental, full_refresh"),
        ("sync_mode", Value::Null, "must be a string"),
        ("primary_key_cols", json!("id"), "must be an array of strings"),
        ("primary_key_cols", json!(["id", 1]), "has an item 2 that must be a string"),
        ("primary_key_cols", json!(["id", "id"]), "has an item 2 that was named before"),
        ("cursor_col", json!(""), identifier),
        ("fivetran_connector_id", json!("a\nb"), text),
        ("metadata", json!([]), "must be an object"),
        ("iceberg_tabel", json!("x"), "is not a known field; did you mean iceberg_table?"),
    ];
    for (field, value, message) in cases {
        let answer = lakehouse.register(&json!({ "source_table": "invalid", *field: value })).await?;
        invalid(&answer, field, message).with_context(|| format!("{field}: {value}"))?;
    }
    assert_eq!(rows(&lakehouse, "invalid").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_answer_names_all_mistakes() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let wrong = json!({
        "tenant_id": "acme", "catalog_name": "-", "source_schema": "", "source_table": "", "iceberg_namespace": "",
        "iceberg_table": "", "sync_mode": "full", "primary_key_cols": {}, "cursor_col": 1, "fivetran_connector_id": 1,
        "metadata": 1, "sync_mod": 1,
    });
    let expected: Vec<&String> = wrong.as_object().into_iter().flatten().map(|(field, _)| field).collect();
    let found = lakehouse.post(PATH, &wrong).await?.invalid()?;
    assert_eq!(found.keys().collect::<Vec<_>>(), expected);
    let found = lakehouse.post(PATH, &json!({})).await?.invalid()?;
    let required = ["iceberg_namespace", "iceberg_table", "source_schema", "source_table", "tenant_id"];
    assert_eq!(found.keys().collect::<Vec<_>>(), required);
    Ok(())
}

/// A tenant's three targets, newest first. The oldest was the last to be replaced.
async fn three(lakehouse: &Lakehouse) -> Result<Vec<Value>> {
    lakehouse.register(&json!({ "source_table": "oldest" })).await?.expect(201)?;
    let middle = lakehouse.register(&json!({ "source_table": "middle" })).await?.expect(201)?;
    let newest = lakehouse.register(&json!({ "source_table": "newest" })).await?.expect(201)?;
    let oldest = lakehouse.register(&json!({ "source_table": "oldest" })).await?.expect(201)?;
    Ok(vec![newest, middle, oldest])
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn targets_are_listed_newest_first_of_one_tenant_or_of_all() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (one, two) = (with_catalog(&cloud, "first").await?, with_catalog(&cloud, "second").await?);
    let (ones, twos) = (three(&one).await?, three(&two).await?);
    for (lakehouse, targets) in [(&one, &ones), (&two, &twos)] {
        let list = lakehouse.get(&format!("{PATH}?tenant_id={}", lakehouse.tenant_id)).await?;
        assert_eq!((list.expect(200)?, list.header("link")), (json!(targets), None));
    }
    let all = one.get(PATH).await?.expect(200)?;
    let of_both = |record: &&Value| [&one, &two].iter().any(|it| record["tenant_id"] == json!(it.tenant_id));
    let found: Vec<&Value> = all.as_array().into_iter().flatten().filter(of_both).collect();
    assert_eq!(found, twos.iter().chain(&ones).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn pages_follow_each_other_without_a_gap() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = with_catalog(&cloud, "paged").await?;
    let targets = three(&lakehouse).await?;
    let mut path = Some(format!("{PATH}?tenant_id={}&limit=1", lakehouse.tenant_id));
    let mut pages = Vec::new();
    while let Some(next) = path {
        let page = lakehouse.get(&next).await?;
        pages.push(page.expect(200)?);
        ensure!(pages.len() <= targets.len(), "a page too many: {page:?}");
        path = page.next().map(str::to_owned);
    }
    assert_eq!(pages, targets.iter().map(|target| json!([target])).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn query_parameters_are_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::shared(&cloud).await?;
    let unknown = format!("{PATH}?tenant_id=0190d5c0-0000-7000-8000-000000000000");
    assert_eq!(lakehouse.get(&unknown).await?.expect(200)?, json!([]));
    for (query, field, message) in [
        ("tenant_id=acme", "tenant_id", "must be a UUID"),
        ("tenant_id=", "tenant_id", "must be a UUID"),
        ("limit=0", "limit", "must be a whole number from 1 to 10000"),
        ("cursor=x", "cursor", "must be the cursor of a page's Link header, as it was given"),
        ("tenant=x", "tenant", "is not a known field; did you mean tenant_id?"),
    ] {
        let answer = lakehouse.get(&format!("{PATH}?{query}")).await?;
        invalid(&answer, field, message).with_context(|| query.to_owned())?;
    }
    Ok(())
}
