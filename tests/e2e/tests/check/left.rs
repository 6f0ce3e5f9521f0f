//! What no step can make again without losing data is found, and left with a hint.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Lakehouse, credential};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Found, repaired};

/// A check finds the part broken, and a repair changes nothing and says who can.
async fn is_found_and_left(cloud: &Cloud, slug: &str, part: &str, code: &str) -> Result<()> {
    Found::of(cloud, slug).await?.is_broken(part, code).with_context(|| format!("{part} is not found"))?;
    let done = repaired(cloud, slug, part).await?;
    ensure!(done["outcome"] == "left" && done["code"] == code, "{part} is not left: {done}");
    ensure!(done["hint"].as_str().is_some_and(|hint| hint.ends_with('.')), "no hint: {done}");
    Found::of(cloud, slug).await?.is_broken(part, code).with_context(|| format!("{part} was changed"))
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn what_holds_data_is_left_to_a_person() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("data", json!({})).await?;
    let (name, project_ref) = (format!("client_{slug}"), cloud.environment(&slug).await?);
    let database = cloud.tenant_database(&project_ref).await?;

    let unprotected = |sql: &str| {
        let switch = |way: &str| format!("ALTER TABLE iam.roles {way} TRIGGER system_rows");
        format!("{}; {sql}; {}", switch("DISABLE"), switch("ENABLE"))
    };
    let surplus =
        "INSERT INTO iam.roles (role_code, name, description, is_system) VALUES ('surplus', 'Surplus', '', true)";
    database.batch_execute(&unprotected(surplus)).await?;
    is_found_and_left(&cloud, &slug, "seed", "seed_incomplete").await?;
    database.batch_execute(&unprotected("DELETE FROM iam.roles WHERE role_code = 'surplus'")).await?;

    // The invitation's own route lets the admin in again.
    database.execute("UPDATE auth.users SET banned_until = now() + interval '1 day'", &[]).await?;
    is_found_and_left(&cloud, &slug, "invitation", "admin_unable").await?;
    cloud.invite_again(&slug, json!({})).await?.expect(200)?;
    let found = Found::of(&cloud, &slug).await?;
    ensure!(found.unsound().is_empty(), "{}", found.0);

    let mut falkordb = cloud.falkordb("us-east-1").await?;
    let _: redis::Value = redis::cmd("GRAPH.DELETE").arg(&name).query_async(&mut falkordb).await?;
    is_found_and_left(&cloud, &slug, "graph", "graph_gone").await?;
    // A right to a graph that is not the tenant's is not given.
    let off = ["SETUSER", name.as_str(), "off"];
    let _: redis::Value = redis::cmd("ACL").arg(&off).query_async(&mut falkordb).await?;
    let foreign = "CREATE (:Tenant {tenant_id: 'another'})";
    let _: redis::Value = redis::cmd("GRAPH.QUERY").arg(&name).arg(foreign).query_async(&mut falkordb).await?;
    is_found_and_left(&cloud, &slug, "graph", "falkordb_foreign_graph").await?;
    let refused = repaired(&cloud, &slug, "graph_user").await?;
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("failed"), &json!("falkordb_foreign_graph")));

    let search = cloud.search()?;
    // Somebody has led the alias to another index.
    let other = format!("{name}_v2");
    search.call(Method::PUT, &format!("/{other}"), None).await?;
    let elsewhere = json!({ "actions": [{ "add": { "index": other, "alias": name } }] });
    search.call(Method::POST, "/_aliases", Some(&elsewhere)).await?;
    let found = Found::of(&cloud, &slug).await?;
    found.is_broken("search_alias", "search_alias_elsewhere")?;
    found.is("search_index", "ok")?;
    let refused = repaired(&cloud, &slug, "search_alias").await?;
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("failed"), &json!("opensearch_conflict")));
    search.call(Method::DELETE, &format!("/{other}"), None).await?;
    // Its mapping is another one.
    search.call(Method::DELETE, &format!("/{name}_v1"), None).await?;
    let other = json!({ "mappings": { "properties": { "title": { "type": "keyword" } } } });
    search.call(Method::PUT, &format!("/{name}_v1"), Some(&other)).await?;
    is_found_and_left(&cloud, &slug, "search_index", "search_index_differs").await?;
    search.call(Method::DELETE, &format!("/{name}_v1"), None).await?;
    is_found_and_left(&cloud, &slug, "search_index", "search_index_gone").await?;
    let refused = repaired(&cloud, &slug, "search_alias").await?;
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("failed"), &json!("search_index_gone")));

    let customer = cloud.tenant(&slug).await?["stripe_customer_id"].clone();
    cloud.delete_customer(customer.as_str().context("no customer")?).await?;
    is_found_and_left(&cloud, &slug, "customer", "customer_gone").await?;

    for (status, code) in [("ACTIVE_UNHEALTHY", "project_unwell"), ("INACTIVE", "project_gone")] {
        cloud.impose(&project_ref, status).await?;
        is_found_and_left(&cloud, &slug, "project", code).await?;
        assert_eq!(Found::of(&cloud, &slug).await?.part("project")?["found"], status);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn what_the_lakehouse_has_is_found_by_its_name() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("lakes", json!({ "tier": "pilot" })).await?;
    let lakehouse = Lakehouse::of(&cloud, tenant_id, &slug).await?;
    for name in ["one", "two"] {
        let fields = json!({
            "catalog_name": name, "storage_prefix": format!("{name}/"), "s3_access_key_id": credential("id"),
            "s3_secret_key_enc": credential("key"),
        });
        lakehouse.upsert(&fields).await?.expect(201)?;
    }
    let namespace = format!("ivory_tenant_{slug}");
    lakehouse.register(&json!({ "catalog_name": "one" })).await?.expect(201)?;
    is_found_and_left(&cloud, &slug, "namespace", "namespace_gone").await?;
    cloud.namespace(Method::POST, &namespace).await?;
    let found = Found::of(&cloud, &slug).await?;
    found.is("namespace", "ok")?;
    assert_eq!(found.part("namespace")?["name"], namespace);
    cloud.namespace(Method::DELETE, &namespace).await?;
    Found::of(&cloud, &slug).await?.is_broken("namespace", "namespace_gone")?;

    let states = |found: &Found| -> Vec<Value> {
        let parts = found.0.as_array().into_iter().flatten().filter(|part| part["resource"] == "catalog_secret");
        parts.map(|part| json!([part["name"], part["state"], part["code"]])).collect()
    };
    let found = Found::of(&cloud, &slug).await?;
    assert_eq!(states(&found), [json!(["one", "ok", null]), json!(["two", "ok", null])]);
    delete_secret(&cloud, &lakehouse.catalog_id("two")?).await?;
    let found = Found::of(&cloud, &slug).await?;
    let gone = json!(["two", "broken", "catalog_secret_gone"]);
    assert_eq!(states(&found), [json!(["one", "ok", null]), gone]);
    // The row names a version that the secret does not have.
    let another = Uuid::new_v4().to_string();
    let sql = "UPDATE lakehouse.tenant_catalogs SET secret_version = $2 WHERE tenant_id = $1 AND catalog_name = 'one'";
    cloud.control_as_superuser().await?.execute(sql, &[&tenant_id, &another]).await?;
    let found = Found::of(&cloud, &slug).await?;
    assert_eq!(states(&found)[0], json!(["one", "broken", "catalog_secret_gone"]));
    let done = repaired(&cloud, &slug, "catalog_secret").await?;
    assert_eq!((&done["outcome"], &done["code"]), (&json!("left"), &json!("catalog_secret_gone")));
    Ok(())
}

async fn delete_secret(cloud: &Cloud, catalog_id: &str) -> Result<()> {
    let name = format!("{}/catalogs/{catalog_id}", cloud.secret_prefix()?);
    let body = json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true });
    cloud.aws.json("secretsmanager", "secretsmanager.DeleteSecret", body).await.map(drop)
}
