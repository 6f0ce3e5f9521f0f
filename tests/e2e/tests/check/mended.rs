//! Whatever a step can make again without losing data is broken by hand, found by a check, and mended by a repair.

use anyhow::{Context as _, Result, ensure};
use e2e::Cloud;
use redis::{Cmd, Value as Reply};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Found, repaired};

/// An active tenant, and the name of its graph, user, alias and index.
struct Tenant {
    cloud: Cloud,
    slug: String,
    id: Uuid,
    name: String,
}

impl Tenant {
    async fn new(name: &str) -> Result<Self> {
        let cloud = Cloud::from_env()?;
        let (slug, id) = cloud.live(name, json!({})).await?;
        Ok(Self { name: format!("client_{slug}"), cloud, slug, id })
    }

    async fn secret(&self) -> Result<Value> {
        self.cloud.aws.secret(&format!("{}/tenants/{}", self.cloud.secret_prefix()?, self.id)).await
    }

    async fn falkordb(&self, command: &Cmd) -> Result<Reply> {
        Ok(command.query_async(&mut self.cloud.falkordb("us-east-1").await?).await?)
    }

    async fn alias(&self, action: Value) -> Result<()> {
        let actions = json!({ "actions": [action] });
        self.cloud.search()?.call(Method::POST, "/_aliases", Some(&actions)).await.map(drop)
    }

    /// Its live subscription.
    async fn subscription(&self) -> Result<Value> {
        let mut all = self.cloud.subscriptions(self.id).await?;
        all.retain(|subscription| subscription["status"] != "canceled");
        ensure!(all.len() == 1, "not one live subscription: {all:?}");
        all.pop().context("none")
    }

    /// A check finds the part broken, one repair mends it, and the next check finds nothing at all.
    async fn is_found_and_mended(&self, part: &str, code: &str, with: &str) -> Result<()> {
        let found = Found::of(&self.cloud, &self.slug).await?;
        found.is_broken(part, code).with_context(|| format!("{part} is not found"))?;
        let done = repaired(&self.cloud, &self.slug, with).await?;
        ensure!(done["outcome"] == "mended" && done["code"].is_null(), "{part} is not mended: {done}");
        let unsound = Found::of(&self.cloud, &self.slug).await?;
        ensure!(unsound.unsound().is_empty(), "after {part} was mended: {}", unsound.0);
        Ok(())
    }
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_graphs_user() -> Result<()> {
    let tenant = Tenant::new("grant").await?;
    let acl = |rules: &[&str]| redis::cmd("ACL").arg("SETUSER").arg(&tenant.name).arg(rules).to_owned();
    for broken in [
        acl(&["off"]),
        acl(&["resetpass", ">guessed"]),
        acl(&["+@all"]),
        acl(&["~*"]),
        acl(&["reset"]),
        redis::cmd("ACL").arg("DELUSER").arg(&tenant.name).to_owned(),
    ] {
        tenant.falkordb(&broken).await?;
        tenant.is_found_and_mended("graph_user", "graph_user_differs", "graph_user").await?;
        let password = tenant.secret().await?;
        let password = password["graph_pass"].as_str().context("no password")?;
        let mut user = tenant.cloud.falkordb_as("us-east-1", &tenant.name, password).await?;
        let query = redis::cmd("GRAPH.RO_QUERY").arg(&tenant.name).arg("MATCH (n) RETURN count(n)").to_owned();
        let _: Reply = query.query_async(&mut user).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_alias() -> Result<()> {
    let tenant = Tenant::new("alias").await?;
    let of = json!({ "index": format!("{}_v1", tenant.name), "alias": tenant.name });
    let mut part = of.clone();
    part["filter"] = json!({ "term": { "source": "mail" } });
    let mut read_only = of.clone();
    read_only["is_write_index"] = json!(false);
    for broken in [json!({ "remove": of }), json!({ "add": part }), json!({ "add": read_only })] {
        tenant.alias(broken).await?;
        tenant.is_found_and_mended("search_alias", "search_alias_differs", "search_alias").await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn entries_of_the_cache() -> Result<()> {
    let tenant = Tenant::new("entries").await?;
    tenant.cloud.cache(&tenant.slug, tenant.id).await?;
    tenant.is_found_and_mended("cache", "cache_outdated", "cache").await?;
    assert_eq!(tenant.cloud.cached(&tenant.slug, tenant.id).await?, 0);
    // What expires is the middleware's own.
    let mut valkey = tenant.cloud.valkey().await?;
    let set = redis::cmd("SET").arg(format!("tenant:slug:{}", tenant.slug)).arg("fresh").arg("EX").arg(600).to_owned();
    let _: Reply = set.query_async(&mut valkey).await?;
    Found::of(&tenant.cloud, &tenant.slug).await?.is("cache", "ok")
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn keys_in_the_secret() -> Result<()> {
    let tenant = Tenant::new("keys").await?;
    let project_ref = tenant.cloud.environment(&tenant.slug).await?;
    // Somebody replaces the keys at Supabase, somebody restores an old version of the secret, somebody writes another pooler.
    tenant.cloud.rotate_keys(&project_ref).await?;
    tenant.is_found_and_mended("keys", "keys_outdated", "keys").await?;
    let name = format!("{}/tenants/{}", tenant.cloud.secret_prefix()?, tenant.id);
    let whole = tenant.secret().await?;
    for (field, value) in [
        ("secret_key", Value::Null),
        (
            "pooler",
            json!({
                "host": "elsewhere.example.com", "port": 5432, "user": whole["pooler"]["user"], "dbname": whole["pooler"]["dbname"],
            }),
        ),
    ] {
        let mut broken = whole.clone();
        broken[field] = value;
        tenant.cloud.aws.put_secret(&name, &broken).await?;
        tenant.is_found_and_mended("keys", "keys_outdated", "keys").await?;
        assert_eq!(tenant.secret().await?, whole, "{field}");
    }
    let key = whole["secret_key"].as_str().context("no key")?;
    assert_eq!(tenant.cloud.try_key(&project_ref, key).await?, 200);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_way_into_the_database() -> Result<()> {
    let tenant = Tenant::new("entrance").await?;
    let project_ref = tenant.cloud.environment(&tenant.slug).await?;
    let path = format!("/v1/projects/{project_ref}/database/password");
    let another = json!({ "password": "another-password-of-somebody" });
    tenant.cloud.supabase_call(Method::PATCH, &path, &another).await?;
    let found = Found::of(&tenant.cloud, &tenant.slug).await?;
    for part in ["schema", "seed", "invitation"] {
        found.is(part, "not_asked")?;
        found.says(part, "tenant_database_refused")?;
    }
    // The stored password is set again. The pooler may take a while to learn it, so the repair says that it was not yet in.
    let done = repaired(&tenant.cloud, &tenant.slug, "schema").await?;
    assert_eq!((&done["outcome"], &done["code"]), (&json!("failed"), &json!("tenant_database_refused")), "{done}");
    let done = repaired(&tenant.cloud, &tenant.slug, "schema").await?;
    assert_eq!(done["outcome"], "sound", "{done}");
    let found = Found::of(&tenant.cloud, &tenant.slug).await?;
    ensure!(found.unsound().is_empty(), "{}", found.0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_schema_of_an_older_release() -> Result<()> {
    let tenant = Tenant::new("aged").await?;
    let project_ref = tenant.cloud.environment(&tenant.slug).await?;
    tenant.cloud.age_schema(tenant.id, &project_ref).await?;
    let found = Found::of(&tenant.cloud, &tenant.slug).await?;
    assert_eq!(found.part("schema")?["found"], "version 6", "{}", found.0);
    // What an older schema shipped, this release does not know.
    found.is("seed", "not_asked")?;
    found.says("seed", "schema_outdated")?;
    found.is("invitation", "ok")?;
    tenant.is_found_and_mended("schema", "schema_outdated", "schema").await?;

    // The database has what version 7 promises, the row says so, and the audit log has both.
    let database = tenant.cloud.tenant_database(&project_ref).await?;
    let made: bool = database.query_one("SELECT to_regclass('iam.changes') IS NOT NULL", &[]).await?.get(0);
    assert!(made, "iam.changes is not there");
    let control = tenant.cloud.control().await?;
    let row = "SELECT schema_version FROM control.tenants WHERE tenant_id = $1";
    let version: i32 = control.query_one(row, &[&tenant.id]).await?.get(0);
    let audited = "SELECT (before ->> 'schema_version')::int, (after ->> 'schema_version')::int FROM control.audit_log
                   WHERE tenant_id = $1 AND action = 'tenant.repaired'";
    let audited = control.query_one(audited, &[&tenant.id]).await?;
    assert_eq!((audited.get::<_, i32>(0), audited.get::<_, i32>(1)), (6, version));

    // A repair died before it wrote the row: the database is new, and the row is old.
    control.execute("UPDATE control.tenants SET schema_version = 6 WHERE tenant_id = $1", &[&tenant.id]).await?;
    tenant.is_found_and_mended("schema", "schema_outdated", "schema").await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_subscription_with_its_customer_and_its_price() -> Result<()> {
    let tenant = Tenant::new("billed").await?;
    let cloud = &tenant.cloud;
    let (subscription, path) = {
        let subscription = tenant.subscription().await?;
        let id = subscription["id"].as_str().context("no id")?.to_owned();
        (subscription, format!("/v1/subscriptions/{id}"))
    };
    // It is cancelled at the end of the period.
    cloud.stripe(Method::POST, &path, &[("cancel_at_period_end", "true")]).await?;
    tenant.is_found_and_mended("subscription", "subscription_over", "subscription").await?;
    assert_eq!(tenant.subscription().await?["id"], subscription["id"], "the same one goes on");

    // It has another tier's price.
    let plus = cloud.aws.environment_of("check-tenant").await?["STRIPE_PRICE_ENTERPRISE_PLUS"].clone();
    let plus = plus.as_str().context("no price")?;
    let prices = cloud.stripe(Method::GET, "/v1/prices", &[("lookup_keys[]", plus)]).await?;
    let price = prices["data"][0]["id"].as_str().context("no price")?;
    let item = subscription["items"]["data"][0]["id"].as_str().context("no item")?;
    cloud.stripe(Method::POST, &path, &[("items[0][id]", item), ("items[0][price]", price)]).await?;
    let found = Found::of(cloud, &tenant.slug).await?;
    found.is("subscription", "ok")?;
    tenant.is_found_and_mended("price", "price_differs", "subscription").await?;
    let lookup_key = &tenant.subscription().await?["items"]["data"][0]["price"]["lookup_key"];
    assert_ne!(*lookup_key, plus);

    // It is ended.
    cloud.stripe(Method::DELETE, &path, &[]).await?;
    tenant.is_found_and_mended("subscription", "subscription_over", "subscription").await?;
    assert_ne!(tenant.subscription().await?["id"], subscription["id"]);

    // The customer is deleted, and with it the subscription ends.
    let customer = cloud.tenant(&tenant.slug).await?["stripe_customer_id"].clone();
    cloud.delete_customer(customer.as_str().context("no customer")?).await?;
    let found = Found::of(cloud, &tenant.slug).await?;
    found.is_broken("subscription", "subscription_over")?;
    found.is("price", "not_asked")?;
    tenant.is_found_and_mended("customer", "customer_gone", "subscription").await?;
    let another = &cloud.tenant(&tenant.slug).await?["stripe_customer_id"];
    assert_ne!(*another, customer, "the row has the new customer");
    assert_eq!(tenant.subscription().await?["customer"], *another);
    let open = "SELECT count(*) FROM control.outbox
                WHERE tenant_id = $1 AND kind = 'settle_billing' AND delivered_at IS NULL";
    let open: i64 = cloud.control().await?.query_one(open, &[&tenant.id]).await?.get(0);
    assert_eq!(open, 0, "every intent is closed");
    Ok(())
}
