//! When nobody can be invited.

use std::time::Duration;

use anyhow::Result;
use e2e::{Cloud, State, calls, unique, with_faults};
use fault_proxy::client::Match;
use serde_json::json;

use crate::Tenant;

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn only_a_tenant_whose_admin_was_invited_has_one_to_be_invited_again() -> Result<()> {
    with_faults(async |cloud, faults| {
        cloud.invite_again("no-such-tenant", json!({})).await?.problem(404, "tenant_not_found")?;

        let slug = unique("early");
        let asked = Match { body_regex: Some(slug.clone()), ..Match::request("POST", "^/v1/projects$") };
        let fault = faults.answer("supabase", asked, 403, "{}").await?;
        cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        cloud.invite_again(&slug, json!({})).await?.problem(409, "tenant_not_active")?;
        cloud.wait_until(&slug, State::Failed, Duration::from_mins(2)).await?;
        cloud.invite_again(&slug, json!({})).await?.problem(409, "tenant_not_active")?;
        faults.mend(fault).await?;
        // The address can still be corrected by what resumes the tenant.
        let email = format!("chief@{slug}.example.com");
        cloud.accepted(&slug, json!({ "tier": "pilot", "admin_email": email })).await?;
        cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
        assert_eq!(cloud.mails_to(&email).await?.len(), 1);

        cloud.deactivate(&slug).await?.no_content()?;
        cloud.invite_again(&slug, json!({})).await?.problem(409, "tenant_not_active")?;
        assert_eq!(cloud.mails_to(&email).await?.len(), 1);
        Ok(())
    })
    .await
}

/// What Supabase refuses changes nothing: neither who is the admin, nor whose link works.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_refused_address_changes_nothing() -> Result<()> {
    with_faults(async |_, faults| {
        let tenant = Tenant::pilot("refused").await?;
        let link = tenant.link(&tenant.email()).await?;
        let before = (tenant.cloud.tenant(&tenant.slug).await?, tenant.people().await?);
        let body = json!({ "code": "email_address_invalid", "message": "Email address is invalid" }).to_string();
        let fault = faults.answer("supabase", calls::invitation(&tenant.slug), 400, &body).await?;
        let other = json!({ "admin_email": format!("chief@{}.example.com", tenant.slug) });
        let refused = tenant.cloud.invite_again(&tenant.slug, other.clone()).await?;
        let problem = refused.problem(409, "invitation_rejected")?;
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains("supabase_auth_invalid_email")), "{problem}");
        faults.mend(fault).await?;
        let body = json!({ "code": "over_email_send_rate_limit", "message": "email rate limit exceeded" }).to_string();
        let fault = faults.answer("supabase", calls::invitation(&tenant.slug), 429, &body).await?;
        tenant.cloud.invite_again(&tenant.slug, other).await?.later(429, "invitation_limit", "61")?;
        faults.mend(fault).await?;
        assert_eq!((tenant.cloud.tenant(&tenant.slug).await?, tenant.people().await?), before);
        assert_eq!(tenant.accept(&link).await?, 200);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_body_is_checked() -> Result<()> {
    let cloud = Cloud::from_env()?;
    for body in
        [json!({ "admin_email": "nobody" }), json!({ "admin_email": null }), json!({ "email": "a@example.com" })]
    {
        cloud.invite_again("no-such-tenant", body).await?.invalid()?;
    }
    Ok(())
}
