//! What becomes of a tenant that is broken, or switched off.

use anyhow::Result;
use browser::in_a_browser;
use e2e::{Cloud, State};
use reqwest::Method;
use serde_json::json;

use crate::actions::CONFIRM;

/// A live tenant whose search alias somebody has removed.
async fn broken(cloud: &Cloud) -> Result<String> {
    let (slug, _) = cloud.live("broken", json!({ "tier": "pilot" })).await?;
    let alias = json!({ "remove": { "index": format!("client_{slug}_v1"), "alias": format!("client_{slug}") } });
    cloud.search()?.call(Method::POST, "/_aliases", Some(&json!({ "actions": [alias] }))).await?;
    Ok(slug)
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn what_is_broken_is_found_and_mended() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let slug = broken(cloud).await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.click("Check now").await?;
        browser.sees("1 broken.").await?;
        browser.begin("Repair…").await?;
        browser.tick("search alias").await?;
        browser.confirm("Repair").await?;
        browser.sees("Nothing is broken.").await?;
        browser.sees("mended").await
    })
    .await
}

/// An auditor may look, and not mend.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn an_auditor_checks_and_does_not_repair() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let slug = broken(cloud).await?;
        browser.sign_in(&cloud.auditor_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.click("Check now").await?;
        browser.sees("1 broken.").await?;
        assert!(!browser.offers("Repair…").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_tenant_is_held_and_brought_back() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("back", json!({ "tier": "pilot" })).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.begin("Legal hold…").await?;
        browser.click("Legal hold").await?;
        browser.until("the server's word", async || Ok(!browser.fault_of("Reason").await?.is_empty())).await?;
        browser.fill("Reason", "Acme v. Bank").await?;
        browser.confirm("Legal hold").await?;
        browser.sees("Under a legal hold").await?;
        browser.sees("Acme v. Bank").await?;
        for button in ["Restore…", "Purge…"] {
            assert!(!browser.offers(button).await?, "{button}");
        }
        browser.begin("Release the hold…").await?;
        browser.confirm("Release the hold").await?;
        browser.sees_no_more("Under a legal hold").await?;

        browser.begin("Restore…").await?;
        browser.confirm("Restore").await?;
        browser.sees("9 of 9 steps are completed, in attempt 2").await?;
        assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Active);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_purge_is_planned_confirmed_and_proved() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, tenant_id) = cloud.live("purged", json!({ "tier": "pilot" })).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.begin("Purge…").await?;
        browser.sees("It may begin.").await?;
        browser.sees(&format!("client_{slug}")).await?;
        browser.sees("purge 3").await?;
        // Another policy is another plan.
        browser.choose("Customer at Stripe", "delete").await?;
        browser.sees("purge 2").await?;
        browser.choose("Customer at Stripe", "keep").await?;
        browser.fill(CONFIRM, "another-bank").await?;
        browser.click("Purge").await?;
        browser.sees_fault(CONFIRM, "must be").await?;
        assert!(cloud.tenant(&slug).await?["purge"].is_null());
        browser.fill(CONFIRM, &slug).await?;
        browser.confirm("Purge").await?;
        browser.sees("close access").await?;
        // In the end the slug is free, and the page has gone on by the id.
        browser.sees("Certificate, for ivory purge verify").await?;
        browser.until_true("the id", &format!("return location.hash === '#/tenants/{tenant_id}'")).await
    })
    .await
}

/// Of a paid tier somebody else has to approve, within the first thirty days.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn who_asks_for_a_purge_cannot_approve_it_and_somebody_else_can() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, tenant_id) = cloud.live("eyes", json!({})).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.begin("Purge…").await?;
        browser.sees("a reason, somebody else's approval").await?;
        browser.fill("Reason", "The bank asked for it in writing").await?;
        browser.fill(CONFIRM, &slug).await?;
        browser.confirm("Purge").await?;
        browser.sees("waiting approval").await?;
        browser.begin("Approve the purge…").await?;
        browser.fill(CONFIRM, &slug).await?;
        browser.click("Approve the purge").await?;
        browser.sees("same_consumer").await?;
        assert_eq!(cloud.purge_of(tenant_id).await?["state"], "waiting_approval");
        browser.click("Cancel").await?;
        browser.click("Sign out").await?;
        // The next one sees the same page.
        browser.sign_in(&cloud.deputy_key).await?;
        browser.begin("Approve the purge…").await?;
        browser.fill(CONFIRM, &slug).await?;
        browser.confirm("Approve the purge").await?;
        browser.sees("Approved by").await?;
        assert!(cloud.purge_of(tenant_id).await?["approved_by"].is_string());
        Ok(())
    })
    .await
}
