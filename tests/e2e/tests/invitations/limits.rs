//! Repetitions and limits.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::Tenant;

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_key_stands_for_one_mail() -> Result<()> {
    let tenant = Tenant::pilot("keyed").await?;
    let path = format!("/v1/admin/tenants/{}/invitation", tenant.slug);
    let keyed = async |body: serde_json::Value| {
        let request = tenant.cloud.admin(Method::POST, &path).header("idempotency-key", &tenant.slug);
        tenant.cloud.send(request.json(&body)).await
    };
    let first = keyed(json!({})).await?;
    let again = keyed(json!({})).await?;
    assert_eq!(first.expect(200)?, again.expect(200)?);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    keyed(json!({ "admin_email": "other@example.com" })).await?.problem(422, "idempotency_key_reused")?;
    assert_eq!(tenant.cloud.mails_to(&tenant.email()).await?.len(), 2);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenant_gets_five_further_mails_an_hour() -> Result<()> {
    let tenant = Tenant::pilot("limited").await?;
    for _ in 0..5 {
        tenant.cloud.invite_again(&tenant.slug, json!({})).await?.expect(200)?;
    }
    let refused = tenant.cloud.invite_again(&tenant.slug, json!({})).await?;
    refused.problem(429, "invitation_limit")?;
    let pause: u64 = refused.header("retry-after").context("no Retry-After")?.parse()?;
    ensure!((3500..=3600).contains(&pause), "{pause} s");
    // The limit holds for the tenant, whoever is to be invited.
    let other = json!({ "admin_email": format!("chief@{}.example.com", tenant.slug) });
    tenant.cloud.invite_again(&tenant.slug, other).await?.problem(429, "invitation_limit")?;
    assert_eq!(tenant.cloud.mails_to(&tenant.email()).await?.len(), 6);
    let earlier = "UPDATE control.resources SET sent_at = sent_at - interval '61 minutes'
                   WHERE tenant_id = $1 AND kind = 'admin_mail'";
    tenant.cloud.control().await?.execute(earlier, &[&tenant.id]).await?;
    tenant.cloud.invite_again(&tenant.slug, json!({})).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn requests_at_the_same_time_send_a_mail_for_each_answer() -> Result<()> {
    let tenant = Tenant::pilot("crowded").await?;
    let answers = join_all((0..4).map(|_| tenant.cloud.invite_again(&tenant.slug, json!({})))).await;
    let mut sent = 0;
    for answer in answers {
        let answer = answer?;
        if answer.status == 200 {
            sent += 1;
        } else {
            answer.problem(409, "operation_in_progress")?;
        }
    }
    ensure!(sent > 0, "nobody was invited");
    assert_eq!(tenant.cloud.mails_to(&tenant.email()).await?.len(), 1 + sent);
    Ok(())
}
