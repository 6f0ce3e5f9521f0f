//! Two tenants' data never lie in one place, and a tenant's catalog is found by nobody else's name.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Lakehouse, credential, unique};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

fn at(warehouse: &str, storage_prefix: &str) -> Value {
    json!({ "warehouse": warehouse, "storage_prefix": storage_prefix, "s3_secret_key_enc": credential("place") })
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_place_is_one_tenants_however_it_is_spelled() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let owner = Lakehouse::of_new_tenant(&cloud, "owner").await?;
    let other = Lakehouse::of_new_tenant(&cloud, "other").await?;
    let bucket = unique("place");
    let own = at(&format!("s3://{bucket}/lake"), "tenants/owner/");
    owner.upsert(&own).await?.expect(201)?;
    for (warehouse, prefix) in [
        (format!("s3://{bucket}/lake"), "tenants/owner/"),
        (format!("s3a://{}/", bucket.to_uppercase()), "lake//tenants/./owner"),
        (format!("s3://{bucket}/lake/tenants"), "owner/raw"),
        (format!("s3://{bucket}"), "lake"),
        (format!("s3://{bucket}/"), "lake/%74enants/owner"),
        (format!("https://{bucket}.s3.eu-central-1.amazonaws.com/lake"), "tenants/owner"),
    ] {
        let answer = other.upsert(&at(&warehouse, prefix)).await?;
        let problem = answer.problem(409, "storage_overlap").with_context(|| format!("{warehouse} {prefix}"))?;
        ensure!(!problem.to_string().contains(&owner.slug), "it names the other tenant: {problem}");
    }
    assert_eq!(other.row("ivory-lakehouse").await?, None);
    assert_eq!(other.secret_versions("ivory-lakehouse").await?, Vec::<String>::new(), "a secret was stored");
    for prefix in
        ["../owner", "tenants/../tenants/owner", "%2e%2e/x", "/tenants", "/", ".", "tenants\\owner", "s3://x/"]
    {
        let wrong = other.upsert(&at(&format!("s3://{bucket}/lake"), prefix)).await?.invalid()?;
        ensure!(wrong.keys().eq(["storage_prefix"]), "{prefix}: {wrong:?}");
    }
    // Beside it, and in the place of one's own.
    other.upsert(&at(&format!("s3://{bucket}/lake"), "tenants/owner-2/")).await?.expect(201)?;
    owner.upsert(&own).await?.expect(201)?;
    // An update that moves is decided too. What was there stays.
    other.upsert(&own).await?.problem(409, "storage_overlap")?;
    assert_eq!(other.row("ivory-lakehouse").await?.context("no row")?["storage_prefix"], "tenants/owner-2/");
    // The data of a tenant that was switched off are still there.
    cloud.deactivate(&owner.slug).await?.no_content()?;
    other.upsert(&own).await?.problem(409, "storage_overlap")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn of_tenants_at_once_one_gets_the_place() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let tenants = try_join_all((0..4).map(|_| Lakehouse::of_new_tenant(&cloud, "race"))).await?;
    let warehouse = format!("s3://{}/", unique("race"));
    let answers = try_join_all(tenants.iter().enumerate().map(|(n, tenant)| {
        let place = at(&warehouse, ["one", "one/two", "one/two/three", "one/"][n]);
        async move { tenant.upsert(&place).await }
    }))
    .await?;
    let mut winners = 0;
    for answer in &answers {
        if answer.problem(409, "storage_overlap").is_err() {
            answer.expect(201)?;
            winners += 1;
        }
    }
    assert_eq!(winners, 1);
    Ok(())
}

/// Older releases gave a tenant another one's id as its slug. A request that means the one changes nothing of the other.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_slug_that_reads_like_an_id_is_no_id() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let victim = Lakehouse::of_new_tenant(&cloud, "victim").await?;
    victim.upsert(&json!({ "s3_secret_key_enc": credential("victim") })).await?.expect(201)?;
    let before = (victim.row("ivory-lakehouse").await?, victim.credentials("ivory-lakehouse").await?);
    let simple = victim.tenant_id.simple().to_string();
    for refused in [simple.clone(), victim.tenant_id.to_string()] {
        let order = Cloud::order(&refused, &json!({}));
        let request = cloud.admin(Method::POST, "/v1/admin/tenants").json(&order);
        ensure!(cloud.send(request).await?.invalid()?.contains_key("slug"), "{refused}");
    }
    let deceiver = planted(&cloud, &simple).await?;
    let path = format!("/v1/admin/tenants/{simple}/catalog");
    let made = deceiver.post(&path, &deceiver.order(&json!({ "s3_secret_key_enc": credential("deceiver") }))).await?;
    assert_eq!(made.expect(201)?["tenant_id"], json!(deceiver.tenant_id), "by its slug it is reachable");
    assert_eq!((victim.row("ivory-lakehouse").await?, victim.credentials("ivory-lakehouse").await?), before);
    for other in [format!("%7B{}%7D", victim.tenant_id), format!("urn:uuid:{}", victim.tenant_id)] {
        let path = format!("/v1/admin/tenants/{other}/catalog");
        deceiver.post(&path, &deceiver.order(&json!({}))).await?.problem(404, "tenant_not_found")?;
    }

    // A slug in the form of an id does not stand before the id. Routes that take only a slug find it.
    let deceiver = planted(&cloud, &victim.tenant_id.to_string()).await?;
    for id in [victim.tenant_id.to_string(), victim.tenant_id.to_string().to_uppercase()] {
        let read = victim.get(&format!("/v1/admin/tenants/{id}/catalog")).await?.expect(200)?;
        assert_eq!(read["tenant_id"], json!(victim.tenant_id));
    }
    let record = cloud.tenant(&victim.tenant_id.to_string()).await?;
    assert_eq!(record["tenant_id"], json!(deceiver.tenant_id));
    Ok(())
}

/// A tenant that failed, with a slug that no new one gets.
async fn planted(cloud: &Cloud, slug: &str) -> Result<Lakehouse> {
    let sql = "INSERT INTO control.tenants
                   (tenant_id, slug, display_name, region, tier, admin_email, provisioning_state, error_message, correlation_id)
               VALUES ($1, $2, 'Planted', 'us-east-1', 'pilot', 'a@example.com', 'failed', 'planted', 'planted')";
    let tenant_id = Uuid::now_v7();
    cloud.control().await?.execute(sql, &[&tenant_id, &slug]).await?;
    Lakehouse::of(cloud, tenant_id, slug).await
}
