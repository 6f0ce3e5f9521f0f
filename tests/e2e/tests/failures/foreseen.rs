//! What a check of the regions finds stops a tenant before anything is bought for it.

use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, State, is_timestamp, unique, with_faults};
use fault_proxy::client::UpstreamState;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::scenario::Scenario;

/// Runs a test while a secret has another value.
async fn while_secret(
    cloud: &Cloud,
    name: &str,
    change: impl FnOnce(&mut Value),
    test: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let name = format!("{}/{name}", cloud.secret_prefix()?);
    let right = cloud.aws.secret(&name).await?;
    let mut wrong = right.clone();
    change(&mut wrong);
    cloud.aws.put_secret(&name, &wrong).await?;
    let outcome = AssertUnwindSafe(test()).catch_unwind().await;
    cloud.aws.put_secret(&name, &right).await?;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// One system as `GET /v1/admin/systems` lists it.
async fn listed(cloud: &Cloud, system: &str, region: Option<&str>) -> Result<Value> {
    let systems = cloud.get("/v1/admin/systems").await?.expect(200)?;
    let mut systems = systems.as_array().context("no list")?.iter();
    let found = systems.find(|it| it["system"] == system && it["region"] == json!(region));
    found.cloned().with_context(|| format!("{system} is not listed"))
}

/// A new tenant is refused in step 1 with this cause. Nothing was bought for it, and nobody was told.
async fn stopped<'a>(tenant: Scenario<'a>, code: &str) -> Result<Scenario<'a>> {
    let tenant_id = tenant.again().await?;
    let status = tenant.fails_for(1, code, "platform").await?;
    let cause = status.cause()?;
    ensure!(is_timestamp(&cause["foreseen_at"]) && cause["retryable"] == false, "{cause}");
    ensure!(cause["hint"].as_str().is_some_and(|hint| hint.contains("check-region")), "{cause}");
    assert_eq!(status.step(1)["attempts"], 1);
    nothing_was_bought(&tenant, tenant_id).await?;
    Ok(tenant)
}

async fn nothing_was_bought(tenant: &Scenario<'_>, tenant_id: Uuid) -> Result<()> {
    let cloud = tenant.cloud;
    assert_eq!(cloud.projects(&tenant.slug, tenant_id).await?, Vec::<Value>::new());
    let secret = format!("{}/tenants/{tenant_id}", cloud.secret_prefix()?);
    assert_eq!(cloud.aws.secret_versions(&secret).await?, Vec::<String>::new());
    assert_eq!(cloud.mails_to(&tenant.email()).await?, Vec::<Value>::new());
    Ok(())
}

/// FalkorDB Cloud lets nobody run ACL. Without a check, step 6 finds that out after a project was paid for and the admin
/// was invited.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_falkordb_without_users_costs_nothing_once_it_is_known() -> Result<()> {
    with_faults(async |cloud, faults| {
        let user = unique("poor");
        let mut falkordb = cloud.falkordb("us-east-1").await?;
        let password = unique("a-long-and-random-password");
        let given = format!(">{password}");
        let rules = ["on", &given, "~*", "&*", "+@all", "-acl"];
        let () = redis::cmd("ACL").arg("SETUSER").arg(&user).arg(&rules).query_async(&mut falkordb).await?;
        let poor = |secret: &mut Value| {
            let url = secret["falkordb"]["url"].as_str().and_then(|url| url.rsplit_once('@'));
            secret["falkordb"]["url"] = json!(url.map(|(_, server)| format!("redis://{user}:{password}@{server}")));
        };
        let early = Scenario::new(cloud, faults, "early");
        let mut late = None;
        while_secret(cloud, "regions/us-east-1", poor, async || {
            cloud.control().await?.execute("DELETE FROM control.verdicts", &[]).await?;
            let tenant_id = early.again().await?;
            early.fails_for(6, "falkordb_no_users", "platform").await?;
            assert_eq!(cloud.projects(&early.slug, tenant_id).await?.len(), 1, "it is paid for");
            assert_eq!(cloud.mails_to(&early.email()).await?.len(), 1, "the admin was told");

            cloud.check_regions().await?;
            late = Some(stopped(Scenario::new(cloud, faults, "late"), "falkordb_no_users").await?);
            let shown = listed(cloud, "falkordb", Some("us-east-1")).await?;
            let seen = (&shown["verdict"], &shown["fresh"], &shown["cause"]["code"], &shown["cause"]["owner"]);
            assert_eq!(seen, (&json!("unusable"), &json!(true), &json!("falkordb_no_users"), &json!("platform")));
            ensure!(shown["cause"]["hint"].is_string() && is_timestamp(&shown["checked_at"]), "{shown}");
            ensure!(shown["age"].as_u64().is_some_and(|age| age < 120), "{shown}");

            // Another region is not concerned, and neither is a tenant whose environment is there already.
            cloud.live("elsewhere", json!({ "region": "eu-central-1", "tier": "pilot" })).await?;
            early.again().await?;
            let status = early.fails(6, "falkordb_no_users").await?;
            assert_eq!((status.attempt, &status.cause()?["foreseen_at"]), (2, &Value::Null));
            Ok(())
        })
        .await?;
        cloud.check_regions().await?;
        assert_eq!(listed(cloud, "falkordb", Some("us-east-1")).await?["verdict"], "usable");
        let late = late.context("nobody was stopped")?;
        late.again().await?;
        late.goes_live(2).await?;
        early.again().await?;
        early.goes_live(3).await?;
        let () = redis::cmd("ACL").arg("DELUSER").arg(&user).query_async(&mut falkordb).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_tier_without_a_price_stops_tenants_of_that_tier_only() -> Result<()> {
    with_faults(async |cloud, faults| {
        let test = async {
            cloud.set_price_active("ivory_enterprise", false).await?;
            cloud.check_regions().await?;
            let tenant = stopped(Scenario::new(cloud, faults, "unpriced"), "billing_price_missing").await?;
            cloud.live("unbilled", json!({ "tier": "pilot" })).await?;
            cloud.live("plus", json!({ "tier": "enterprise_plus" })).await?;
            Ok::<_, anyhow::Error>(tenant)
        };
        let outcome = AssertUnwindSafe(test).catch_unwind().await;
        cloud.set_price_active("ivory_enterprise", true).await?;
        let tenant = outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        cloud.check_regions().await?;
        tenant.again().await?;
        tenant.goes_live(2).await?;
        Ok(())
    })
    .await
}

fn another_password(secret: &mut Value) {
    secret["password"] = json!("another-password-that-nobody-knows");
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_mail_server_that_refuses_the_log_in_stops_tenants_before_they_are_made() -> Result<()> {
    with_faults(async |cloud, faults| {
        let mut tenant = None;
        while_secret(cloud, "control/smtp", another_password, async || {
            cloud.check_regions().await?;
            tenant = Some(stopped(Scenario::new(cloud, faults, "unmailed"), "smtp_unauthorized").await?);
            // An outage teaches nothing, so what was found before it still counts.
            faults.set_state("smtp", UpstreamState::Refuse).await?;
            cloud.check_regions().await?;
            faults.set_state("smtp", UpstreamState::Up).await?;
            assert_eq!(listed(cloud, "smtp", None).await?["cause"]["code"], "smtp_unauthorized");
            Ok(())
        })
        .await?;
        let tenant = tenant.context("nobody was stopped")?;
        // It was mended, and nobody has checked since.
        tenant.again().await?;
        tenant.fails(1, "smtp_unauthorized").await?;
        cloud.check_regions().await?;
        tenant.again().await?;
        tenant.goes_live(3).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn neither_an_old_verdict_nor_an_outage_stops_anybody() -> Result<()> {
    with_faults(async |cloud, faults| {
        while_secret(cloud, "control/smtp", another_password, async || cloud.check_regions().await).await?;
        let old = "UPDATE control.verdicts SET checked_at = checked_at - interval '15 minutes' WHERE stops";
        assert_eq!(cloud.control().await?.execute(old, &[]).await?, 1);
        let shown = listed(cloud, "smtp", None).await?;
        assert_eq!((&shown["verdict"], &shown["fresh"]), (&json!("unusable"), &json!(false)));
        cloud.live("outdated", json!({})).await?;

        faults.set_state("opensearch-us-east-1", UpstreamState::Refuse).await?;
        cloud.check_regions().await?;
        faults.set_state("opensearch-us-east-1", UpstreamState::Up).await?;
        let shown = listed(cloud, "opensearch", Some("us-east-1")).await?;
        assert_eq!((&shown["verdict"], &shown["cause"]["retryable"]), (&json!("unknown"), &json!(true)));
        let (slug, _) = cloud.live("meanwhile", json!({})).await?;
        assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Active);
        Ok(())
    })
    .await
}
