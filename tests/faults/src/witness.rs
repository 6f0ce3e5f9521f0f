//! Counts what exists of a tenant, according to the outside systems. There should be exactly one of everything.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Status};
use redis::Value as Reply;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::effects::Subject;

/// The longest time-out of a function (step 3's) and a margin.
const LONGEST_LEASE: Duration = Duration::from_secs(130);

/// How many of a kind there are, and how many there should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The kind.
    pub what: &'static str,
    /// How many there are.
    pub found: u64,
    /// How many there should be.
    pub wanted: u64,
}

/// What exists of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Testimony {
    /// Everything counted.
    pub counts: Vec<Count>,
    /// How many mails the tenant's admin got, if there should be one.
    pub mails: Option<usize>,
}

impl Testimony {
    /// Kinds of which there are too many.
    #[must_use]
    pub fn doubled(&self) -> Vec<&Count> {
        self.counts.iter().filter(|count| count.found > count.wanted).collect()
    }

    /// Kinds of which there are too few.
    #[must_use]
    pub fn lost(&self) -> Vec<&Count> {
        self.counts.iter().filter(|count| count.found < count.wanted).collect()
    }

    /// Counts a kind of which there should be one.
    pub fn count(&mut self, what: &'static str, found: usize) {
        self.counts.push(Count { what, found: found as u64, wanted: 1 });
    }

    /// Counts a kind of which there should be one or none.
    pub fn at_most_one(&mut self, what: &'static str, found: usize) {
        self.counts.push(Count { what, found: found as u64, wanted: (found as u64).min(1) });
    }

    /// Counts a kind of which there should be none.
    pub fn none(&mut self, what: &'static str, found: usize) {
        self.counts.push(Count { what, found: found as u64, wanted: 0 });
    }
}

/// Counts what exists of an active tenant, once the promises of its activation are kept.
pub async fn of(cloud: &Cloud, subject: &Subject, status: &Status) -> Result<Testimony> {
    let mut seen = Testimony::default();
    let control = cloud.control().await?;
    environment(cloud, subject, &mut seen).await?;
    search_and_graph(cloud, subject, &mut seen).await?;
    billing(cloud, subject.tenant_id, &mut seen).await?;
    seen.count("event", cloud.events_of(&subject.slug).await?.len());
    books(&control, subject, status, &mut seen).await?;
    let email = format!("admin@{}.example.com", subject.slug);
    seen.mails = Some(cloud.mails_to(&email).await?.len());
    Ok(seen)
}

async fn environment(cloud: &Cloud, subject: &Subject, seen: &mut Testimony) -> Result<()> {
    let projects = cloud.projects(&subject.slug, subject.tenant_id).await?;
    seen.count("project", projects.len());
    seen.count(
        "project asked for",
        projects.iter().filter_map(|p| p["calls"]["create_project"].as_u64()).sum::<u64>().try_into()?,
    );
    let name = format!("{}/tenants/{}", cloud.secret_prefix()?, subject.tenant_id);
    let secret = cloud.aws.secret(&name).await?;
    let complete = ["db_pass", "graph_pass", "secret_key"].iter().all(|key| secret[key].is_string());
    seen.count("secret that opens everything", usize::from(complete && secret["pooler"].is_object()));

    let project_ref = projects.first().and_then(|project| project["ref"].as_str()).context("no project")?;
    let database = cloud.tenant_database_by_secret(&secret).await.context("the secret does not open the database")?;
    let row =
        database.query_one("SELECT count(*), count(DISTINCT version) FROM public.refinery_schema_history", &[]).await?;
    let (applied, versions): (i64, i64) = (row.get(0), row.get(1));
    seen.counts.push(Count {
        what: "migration set",
        found: applied.cast_unsigned(),
        wanted: versions.cast_unsigned().max(1),
    });
    let database = cloud.tenant_database(project_ref).await?;
    let invited = "SELECT count(*) FROM auth.users WHERE invited_at IS NOT NULL";
    seen.count("live invitation", rows(&database, invited).await?);
    seen.count(
        "tenant admin",
        rows(&database, "SELECT count(*) FROM iam.user_roles WHERE role_code = 'tenant_admin'").await?,
    );
    Ok(())
}

async fn rows(database: &Client, sql: &str) -> Result<usize> {
    Ok(usize::try_from(database.query_one(sql, &[]).await?.get::<_, i64>(0))?)
}

async fn search_and_graph(cloud: &Cloud, subject: &Subject, seen: &mut Testimony) -> Result<()> {
    let name = format!("client_{}", subject.slug);
    let search = cloud.search()?;
    let indices = search.call(Method::GET, &format!("/_cat/indices/{name}*?format=json"), None).await?;
    seen.count("index", indices.as_array().context("no list")?.len());
    let aliases = search.call(Method::GET, &format!("/_alias/{name}"), None).await?;
    seen.count("alias", aliases.as_object().context("no aliases")?.len());
    // Hundreds of indices are too many for the local cloud's server.
    search.call(Method::DELETE, &format!("/{name}_v1"), None).await?;

    let mut falkordb = cloud.falkordb("us-east-1").await?;
    let graphs: Vec<String> = redis::cmd("GRAPH.LIST").query_async(&mut falkordb).await?;
    seen.count("graph", graphs.iter().filter(|graph| **graph == name).count());
    let mut query = redis::cmd("GRAPH.RO_QUERY");
    let answer: Vec<Reply> = query.arg(&name).arg("MATCH (n) RETURN count(n)").query_async(&mut falkordb).await?;
    let Some(Reply::Array(nodes)) = answer.get(1) else { anyhow::bail!("another answer of FalkorDB: {answer:?}") };
    let nodes: Vec<Vec<u64>> = redis::from_redis_value(Reply::Array(nodes.clone()))?;
    seen.count("root node", usize::try_from(nodes.first().and_then(|row| row.first()).copied().unwrap_or_default())?);
    let users: Vec<String> = redis::cmd("ACL").arg("USERS").query_async(&mut falkordb).await?;
    seen.count("graph user", users.iter().filter(|user| **user == name).count());
    Ok(())
}

/// Whether the tenant's user of its graph can log in, or a connection of it may do anything.
pub async fn graph_user_is_on(cloud: &Cloud, subject: &Subject) -> Result<bool> {
    let mut falkordb = cloud.falkordb("us-east-1").await?;
    let list: Vec<String> = redis::cmd("ACL").arg("LIST").query_async(&mut falkordb).await?;
    let user = format!("user client_{} ", subject.slug);
    let Some(shown) = list.iter().find(|shown| shown.starts_with(&user)) else { return Ok(false) };
    let off = shown.contains(" off ") && shown.ends_with(" -@all") && !shown.contains(['#', '~', '+']);
    Ok(!off)
}

async fn billing(cloud: &Cloud, tenant_id: Uuid, seen: &mut Testimony) -> Result<()> {
    seen.count("customer", cloud.customers(tenant_id).await?.len());
    let subscriptions = cloud.subscriptions(tenant_id).await?;
    seen.count("subscription", subscriptions.len());
    let items = subscriptions.iter().filter_map(|subscription| subscription["items"]["data"].as_array());
    seen.count("subscription item", items.map(Vec::len).sum());
    Ok(())
}

/// Counts what the control database holds.
async fn books(control: &Client, subject: &Subject, status: &Status, seen: &mut Testimony) -> Result<()> {
    let id = subject.tenant_id;
    let count = async |sql: &str| -> Result<usize> {
        Ok(usize::try_from(control.query_one(sql, &[&id]).await?.get::<_, i64>(0))?)
    };
    let kinds =
        "SELECT count(*) FROM control.resources WHERE tenant_id = $1 AND dead_at IS NULL AND confirmed_at IS NOT NULL";
    seen.counts.push(Count { what: "ledger row of each kind", found: count(kinds).await? as u64, wanted: 8 });
    seen.none(
        "open intent",
        count(
            "SELECT count(*) FROM control.resources WHERE tenant_id = $1 AND dead_at IS NULL AND confirmed_at IS NULL",
        )
        .await?,
    );
    seen.none(
        "promise not kept",
        count("SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL").await?,
    );
    // A request that arrives after its client has given up may hold a lease. That lease ends on its own.
    let held = "SELECT count(*) FROM control.tenants WHERE tenant_id = $1 AND lease_until > clock_timestamp()";
    let end = Instant::now() + LONGEST_LEASE;
    while count(held).await? > 0 && Instant::now() < end {
        sleep(Duration::from_secs(1)).await;
    }
    seen.none("lease that does not end", count(held).await?);
    let audited = async |action: &str| -> Result<usize> {
        let sql = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = $2";
        Ok(usize::try_from(control.query_one(sql, &[&id, &action]).await?.get::<_, i64>(0))?)
    };
    seen.count("creation audited", audited("tenant.create").await?);
    let restored = audited("tenant.restore").await?;
    let activated = audited("tenant.activate").await?;
    seen.counts.push(Count { what: "activation audited", found: activated as u64, wanted: 1 + restored as u64 });
    let resumed = usize::try_from(status.attempt - 1)?.saturating_sub(restored);
    seen.counts.push(Count {
        what: "resumption audited",
        found: audited("tenant.resume").await? as u64,
        wanted: resumed as u64,
    });
    Ok(())
}

/// Counts what would be no single chain of seals.
pub async fn seals(cloud: &Cloud) -> Result<Testimony> {
    let sql = "SELECT count(*) FILTER (WHERE s.seal <> sha256(s.previous || int8send(s.seq) || l.digest)),
                   count(*) FILTER (WHERE s.previous <> coalesce(p.seal, decode(repeat('00', 32), 'hex'))), max(s.seq) - count(*)
               FROM control.audit_seals s JOIN control.audit_log l USING (id) LEFT JOIN control.audit_seals p ON p.seq = s.seq - 1";
    let row = cloud.control().await?.query_one(sql, &[]).await?;
    let mut seen = Testimony::default();
    for (column, what) in
        ["seal of something else", "seal after another row", "number without a row"].into_iter().enumerate()
    {
        seen.none(what, row.get::<_, i64>(column).try_into()?);
    }
    Ok(seen)
}

/// Does what the reconciler would do within some minutes: keeps all promises for a tenant and settles its billing.
/// Billing is not settled before it is due, that is, before all calls to Stripe for the tenant are over.
pub async fn settle(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let control = cloud.control().await?;
    let due = "UPDATE control.outbox SET next_attempt_at = clock_timestamp()
               WHERE tenant_id = $1 AND delivered_at IS NULL AND kind <> 'settle_billing'";
    let open = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL";
    let end = Instant::now() + Duration::from_mins(4);
    while control.query_one(open, &[&tenant_id]).await?.get::<_, i64>(0) > 0 {
        control.execute(due, &[&tenant_id]).await?;
        ensure!(Instant::now() < end, "the reconciler does not keep what was promised");
        // Another reconciler may be at work, or this one may be killed.
        cloud.aws.invoke("reconcile-tenants", &json!({})).await.ok();
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Everything the control database holds of a tenant.
pub async fn books_of(cloud: &Cloud, tenant_id: Uuid) -> Result<Value> {
    let sql = "SELECT jsonb_build_object(
        'tenant', (SELECT to_jsonb(t) FROM control.tenants t WHERE tenant_id = $1),
        'steps', (SELECT jsonb_agg(s ORDER BY step) FROM control.provisioning_steps s WHERE tenant_id = $1),
        'resources', (SELECT jsonb_agg(r ORDER BY id) FROM control.resources r WHERE tenant_id = $1),
        'outbox', (SELECT jsonb_agg(o ORDER BY id) FROM control.outbox o WHERE tenant_id = $1),
        'audit', (SELECT count(*) FROM control.audit_log WHERE tenant_id = $1))";
    Ok(cloud.control().await?.query_one(sql, &[&tenant_id]).await?.get(0))
}
