//! Sends one `POST` and checks each of the nine effects in the system that it belongs to.

mod accounts;
mod billing;
mod database;
mod environment;
mod graph;
mod index;
mod residency;

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Cloud, STEPS, State, unique};
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use uuid::Uuid;

/// The time for a tenant to become active while another one is provisioned.
const LIVE: Duration = Duration::from_mins(2);

/// The request and its result.
struct Live {
    slug: String,
    tenant_id: Uuid,
    region: &'static str,
    tier: &'static str,
    /// `GET /v1/admin/tenants/{slug}`.
    record: Value,
    /// The tenant's secret.
    secret: Value,
    project_ref: String,
}

impl Live {
    fn email(&self) -> String {
        format!("admin@{}.example.com", self.slug)
    }
}

/// Provisions a tenant whose keys the middleware has cached before, and checks what every tenant has.
async fn go_live(cloud: &Cloud, slug: &str, region: &'static str, tier: &'static str) -> Result<Live> {
    let mut valkey = cloud.valkey().await?;
    let by_slug = format!("tenant:slug:{slug}");
    let () = valkey.set(&by_slug, "stale").await?;
    let tenant_id = cloud.accepted(slug, json!({ "region": region, "tier": tier })).await?;
    let by_id = format!("tenant:id:{tenant_id}");
    let () = valkey.set(&by_id, "stale").await?;

    let status = cloud.wait_until(slug, State::Active, LIVE).await?;
    assert_eq!(status.completed_steps, STEPS);
    assert_eq!(status.failed_steps, Vec::<String>::new());
    assert_eq!((status.attempt, status.last_error), (1, None));
    assert_eq!(valkey.exists::<_, u64>(&[by_slug, by_id]).await?, 0, "stale entries are still cached");

    let record = cloud.tenant(slug).await?;
    let project_ref = record["supabase_project_ref"].as_str().unwrap_or_default().to_owned();
    let secret = cloud.aws.secret(&format!("{}/tenants/{tenant_id}", cloud.secret_prefix()?)).await?;
    Ok(Live { slug: slug.to_owned(), tenant_id, region, tier, record, secret, project_ref })
}

/// Checks the effects that all tenants have.
async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    environment::check(cloud, live).await?;
    database::check(cloud, live).await?;
    accounts::check(cloud, live).await?;
    graph::check(cloud, live).await?;
    index::check(cloud, live).await?;
    billing::check(cloud, live).await?;
    check_record(live)?;
    check_event(cloud, live).await
}

fn check_record(live: &Live) -> Result<()> {
    let record = &live.record;
    let expected = json!({
        "tenant_id": live.tenant_id,
        "slug": live.slug,
        "display_name": format!("Test {}", live.slug),
        "region": live.region,
        "tier": live.tier,
        "falkordb_graph_name": format!("client_{}", live.slug),
        "custom_domain": null,
        "admin_email": live.email(),
        "provisioning_state": "active",
        "is_active": true,
        "error_message": null,
    });
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(&record[name], value, "{name}");
    }
    let url = record["supabase_url"].as_str().unwrap_or_default();
    ensure!(url.ends_with(&format!("/projects/{}", live.project_ref)), "{url}");
    Ok(())
}

/// Checks that there is exactly one event, with exactly the documented fields.
async fn check_event(cloud: &Cloud, live: &Live) -> Result<()> {
    const FIELDS: &str = "correlation_id display_name event_id event_type falkordb_graph_name occurred_at \
        opensearch_alias region schema_version slug supabase_project_ref supabase_url tenant_id tier";
    let events = cloud.announced(&live.slug).await?;
    let [event] = events.as_slice() else { anyhow::bail!("not one event: {events:?}") };
    assert_eq!(event.keys().cloned().collect::<Vec<_>>().join(" "), FIELDS);
    ensure!(e2e::is_timestamp(&json!(event["occurred_at"])), "{event:?}");
    ensure!(event["event_id"].parse::<Uuid>().is_ok(), "{event:?}");
    assert_eq!(event["event_type"], "iam:tenants:provisioned");
    assert_eq!(event["schema_version"], "1");
    assert_eq!(event["opensearch_alias"], format!("client_{}", live.slug));
    for name in [
        "tenant_id",
        "slug",
        "display_name",
        "region",
        "tier",
        "supabase_url",
        "supabase_project_ref",
        "falkordb_graph_name",
    ] {
        assert_eq!(live.record[name], event[name].as_str(), "{name}");
    }
    let secrets = live.secret.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
    let hidden: Vec<&str> = secrets.chain(["@", "cus_", "sub_"]).collect();
    for (name, value) in event {
        ensure!(!hidden.iter().any(|hidden| value.contains(hidden)), "{name} contains a value that it must not");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_has_all_nine_effects_and_is_separate_from_its_neighbour() -> Result<()> {
    let cloud = Cloud::from_env()?;
    // The name of one tenant begins with the name of the other, to show that no pattern matches both.
    let slug = unique("x");
    let neighbour = format!("{slug}-bank");
    let (x, x_bank) = tokio::try_join!(
        go_live(&cloud, &slug, "us-east-1", "enterprise"),
        go_live(&cloud, &neighbour, "us-east-1", "pilot"),
    )?;
    check(&cloud, &x).await?;
    check(&cloud, &x_bank).await?;
    graph::check_apart(&cloud, &x, &x_bank).await?;
    graph::check_apart(&cloud, &x_bank, &x).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_in_europe_with_the_largest_tier() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let live = go_live(&cloud, &unique("europe"), "eu-central-1", "enterprise_plus").await?;
    check(&cloud, &live).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_pilot_in_asia_is_not_billed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let live = go_live(&cloud, &unique("asia"), "ap-southeast-1", "pilot").await?;
    check(&cloud, &live).await
}
