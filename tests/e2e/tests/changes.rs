//! `PATCH /v1/admin/tenants/{slug}`: which fields change, which must not, and when the middleware's cache entry is
//! removed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, alone, unique, with_faults};
use fault_proxy::client::{Match, When};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

fn pilot() -> Value {
    json!({ "tier": "pilot" })
}

async fn change_if(cloud: &Cloud, slug: &str, if_match: &str, change: Value) -> Result<Answer> {
    let request = cloud.admin(Method::PATCH, &format!("/v1/admin/tenants/{slug}")).header("if-match", if_match);
    cloud.send(request.json(&change)).await
}

async fn etag(cloud: &Cloud, slug: &str) -> Result<String> {
    let answer = cloud.get(&format!("/v1/admin/tenants/{slug}")).await?;
    Ok(answer.header("etag").context("no etag")?.to_owned())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn only_the_fields_that_are_sent_change() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("change", pilot()).await?;
    let domain = format!("{slug}.example.com");
    let mut expected = cloud.tenant(&slug).await?;
    for (change, field, value) in [
        (json!({ "display_name": "  Another Bank " }), "display_name", json!("Another Bank")),
        (json!({ "custom_domain": domain.to_uppercase() }), "custom_domain", json!(domain)),
        (json!({ "custom_domain": null }), "custom_domain", Value::Null),
    ] {
        let answer = cloud.change(&slug, change).await?;
        let record = answer.expect(200)?;
        ensure!(record["updated_at"].as_str() > expected["updated_at"].as_str(), "{record}");
        expected[field] = value;
        expected["updated_at"] = record["updated_at"].clone();
        assert_eq!(record, expected);
        assert_eq!(cloud.tenant(&slug).await?, expected);
        assert_eq!(answer.header("etag"), Some(etag(&cloud, &slug).await?.as_str()));
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_request_with_the_current_values_changes_nothing() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("same", pilot()).await?;
    let domain = format!("{slug}.example.com");
    let before = cloud.change(&slug, json!({ "custom_domain": domain })).await?;
    let audited = audited(&cloud, tenant_id).await?.len();
    let name = before.expect(200)?["display_name"].clone();
    for change in [json!({}), json!({ "display_name": name, "tier": "pilot", "custom_domain": domain.to_uppercase() })]
    {
        let answer = cloud.change(&slug, change).await?;
        assert_eq!(answer.expect(200)?, before.json()?);
        assert_eq!(answer.header("etag"), before.header("etag"));
    }
    assert_eq!(self::audited(&cloud, tenant_id).await?.len(), audited);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_change_can_require_a_version() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("version", pilot()).await?;
    let name = |name: &str| json!({ "display_name": name });
    let first = etag(&cloud, &slug).await?;
    ensure!(first.starts_with('"') && first.ends_with('"'), "{first}");
    change_if(&cloud, &slug, &first, name("One")).await?.expect(200)?;
    let second = etag(&cloud, &slug).await?;
    assert_ne!(second, first);
    // A request that would change nothing is refused as well if it is for another version.
    for change in [name("Two"), name("One"), json!({})] {
        change_if(&cloud, &slug, &first, change).await?.problem(412, "version_mismatch")?;
    }
    let weak = format!("W/{second}");
    for never in [weak.as_str(), "\"x\"", "\"\"", "\"99999999999999999999\""] {
        change_if(&cloud, &slug, never, name("Two")).await?.problem(412, "version_mismatch")?;
    }
    assert_eq!(
        (cloud.tenant(&slug).await?["display_name"].as_str(), etag(&cloud, &slug).await?),
        (Some("One"), second.clone())
    );
    change_if(&cloud, &slug, &format!("{first}, {second}"), name("Two")).await?.expect(200)?;
    change_if(&cloud, &slug, "*", name("Three")).await?.expect(200)?;
    assert_eq!(cloud.tenant(&slug).await?["display_name"], "Three");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_domain_belongs_to_one_tenant() -> Result<()> {
    let cloud = Cloud::from_env()?;
    // A tenant that is not active yet can have its domain, too.
    let (first, second) = (unique("domain"), unique("domain"));
    for slug in [&first, &second] {
        cloud.accepted(slug, pilot()).await?;
    }
    let domain = format!("{first}.example.com");
    cloud.change(&first, json!({ "custom_domain": domain })).await?.expect(200)?;
    for taken in [domain.clone(), domain.to_uppercase()] {
        let change = json!({ "display_name": "Another", "custom_domain": taken });
        cloud.change(&second, change).await?.problem(409, "domain_taken")?;
    }
    let record = cloud.tenant(&second).await?;
    assert_eq!((&record["custom_domain"], &record["display_name"]), (&Value::Null, &json!(format!("Test {second}"))));
    cloud.change(&first, json!({ "custom_domain": null })).await?.expect(200)?;
    cloud.change(&second, json!({ "custom_domain": domain })).await?.expect(200)?;
    for slug in [&first, &second] {
        cloud.deactivate(slug).await?.no_content()?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn every_field_is_validated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let absent = unique("absent");
    let name_length = "must be 1 to 200 characters long, not counting white space around it";
    let domain = "must be a host name such as bank.example.com, in ASCII";
    let platform = "must not be a domain of the platform or lie below one";
    for (field, value, message) in [
        ("display_name", json!(null), "must be a string"),
        ("display_name", json!(" "), name_length),
        ("display_name", json!("a".repeat(201)), name_length),
        ("tier", json!(null), "must be a string"),
        ("tier", json!("gold"), "must be one of pilot, enterprise, enterprise_plus"),
        ("custom_domain", json!(1), "must be a string"),
        ("custom_domain", json!("localhost"), domain),
        ("custom_domain", json!("https://bank.example.com"), domain),
        ("custom_domain", json!("127.0.0.1"), domain),
        ("custom_domain", json!("ivory.finance"), platform),
        ("custom_domain", json!("bank.Ivory.Finance"), platform),
        ("custom_domain", json!("a.b.supabase.co"), platform),
        ("custom_domian", json!("bank.example.com"), "is not a known field; did you mean custom_domain?"),
        ("teir", json!("pilot"), "is not a known field; did you mean tier?"),
        ("admin_email", json!("a@example.com"), "is not a known field; known are display_name, tier, custom_domain"),
    ] {
        let wrong = cloud.change(&absent, json!({ field: value })).await?.invalid()?;
        assert_eq!(wrong, BTreeMap::from([(field.to_owned(), message.to_owned())]), "{field}: {value}");
    }
    let wrong = json!({ "display_name": "", "tier": 1, "custom_domain": "x", "region": "us-east-1", "slug": "other" });
    let wrong: Vec<String> = cloud.change(&absent, wrong).await?.invalid()?.into_keys().collect();
    assert_eq!(wrong, ["custom_domain", "display_name", "region", "slug", "tier"]);
    let sound = json!({ "display_name": "A Bank", "tier": "pilot", "custom_domain": "notivory.finance" });
    cloud.change(&absent, sound).await?.problem(404, "tenant_not_found")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_state_decides_which_fields_may_change() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("state");
    cloud.accepted(&slug, pilot()).await?;
    let both = json!({ "tier": "enterprise", "display_name": "Another" });
    cloud.change(&slug, both).await?.problem(409, "tenant_not_active")?;
    let record = cloud.tenant(&slug).await?;
    assert_eq!((&record["tier"], &record["display_name"]), (&json!("pilot"), &json!(format!("Test {slug}"))));
    cloud.change(&slug, json!({ "tier": "pilot", "display_name": "Another" })).await?.expect(200)?;

    cloud.deactivate(&slug).await?.no_content()?;
    for change in [json!({}), json!({ "display_name": "Nobody" }), json!({ "tier": "enterprise" })] {
        cloud.change(&slug, change).await?.problem(409, "tenant_not_active")?;
    }
    assert_eq!(cloud.tenant(&slug).await?["display_name"], "Another");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_cache_entry_is_removed_before_the_answer() -> Result<()> {
    let _alone = alone().await;
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("cached", pilot()).await?;
    let name = json!({ "display_name": "Another" });
    for change in [name.clone(), name, json!({ "custom_domain": format!("{slug}.example.com") })] {
        cloud.cache(&slug, tenant_id).await?;
        cloud.change(&slug, change).await?.expect(200)?;
        assert_eq!(cloud.cached(&slug, tenant_id).await?, 0);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn if_the_cache_is_down_a_change_has_to_be_repeated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("uncached", pilot()).await?;
    with_faults(async |cloud, faults| {
        cloud.cache(&slug, tenant_id).await?;
        let fault = faults.cut("valkey", Match::command(&format!("^UNLINK tenant:slug:{slug}$")), When::Before).await?;
        let change = json!({ "display_name": "Another" });
        // The second request finds the change in the row already, but the cache entry is still there.
        for _ in 0..2 {
            cloud.change(&slug, change.clone()).await?.later(503, "unavailable", "5")?;
        }
        assert_eq!(cloud.cached(&slug, tenant_id).await?, 2);
        faults.mend(fault).await?;
        assert_eq!(cloud.change(&slug, change).await?.expect(200)?["display_name"], "Another");
        assert_eq!(cloud.cached(&slug, tenant_id).await?, 0);
        assert_eq!(audited(cloud, tenant_id).await?.len(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn fifty_simultaneous_changes_are_atomic_and_the_last_one_stays() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("busy", pilot()).await?;
    let _alone = alone().await;
    let changes: Vec<Value> = (0..50)
        .map(|n| json!({ "display_name": format!("Name {n}"), "custom_domain": format!("d{n}.{slug}.example.com") }))
        .collect();
    let mut versions = BTreeSet::new();
    let answers = join_all(changes.iter().map(|change| cloud.change(&slug, change.clone()))).await;
    for (answer, change) in answers.into_iter().zip(&changes) {
        let answer = answer?;
        assert_eq!(&pair(&answer.expect(200)?), change);
        versions.insert(answer.header("etag").context("no etag")?.to_owned());
    }
    assert_eq!(versions.len(), 50);
    let audited = audited(&cloud, tenant_id).await?;
    let mut written: Vec<String> = audited.iter().map(ToString::to_string).collect();
    written.sort();
    let mut sent: Vec<String> = changes.iter().map(ToString::to_string).collect();
    sent.sort();
    assert_eq!(written, sent);
    assert_eq!(Some(&pair(&cloud.tenant(&slug).await?)), audited.last());
    Ok(())
}

/// The fields that these tests change together.
fn pair(record: &Value) -> Value {
    json!({ "display_name": record["display_name"], "custom_domain": record["custom_domain"] })
}

/// The changes of the tenant according to the audit log, oldest first.
async fn audited(cloud: &Cloud, tenant_id: uuid::Uuid) -> Result<Vec<Value>> {
    let rows =
        "SELECT after::text FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.update' ORDER BY id";
    let rows = cloud.control().await?.query(rows, &[&tenant_id]).await?;
    rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
}
