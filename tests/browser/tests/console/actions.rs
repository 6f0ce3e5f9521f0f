//! Every action, and who is not offered it.

use anyhow::{Context as _, Result, ensure};
use browser::{Browser, in_a_browser};
use e2e::{State, unique};
use serde_json::json;

/// What changes something.
const CHANGES: [&str; 7] =
    ["Retry…", "Invite again…", "Change…", "Drop cache entries…", "Deactivate…", "Legal hold…", "Create a tenant"];

/// The lines that a dialog gives to copy.
async fn lines(browser: &Browser) -> Result<Vec<String>> {
    let read = "return [...document.querySelectorAll('dialog pre')].map((line) => line.textContent)";
    Ok(serde_json::from_value(browser.run(read, &[]).await?)?)
}

/// Waits until the dialog is gone: what it asked for is done.
pub async fn is_done(browser: &Browser) -> Result<()> {
    let gone = async || Ok(browser.run("return document.querySelector('dialog') === null", &[]).await? == true);
    browser.until("the end of the dialog", gone).await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_tenant_is_made_in_a_form_and_followed_until_it_is_live() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let slug = unique("made");
        browser.sign_in(&cloud.admin_key).await?;
        browser.click("Tenants").await?;
        browser.click("Create a tenant").await?;
        browser.sees("For people.").await?;
        browser.fill("Slug", "Not A Slug").await?;
        browser.click("Create the tenant").await?;
        // The server says it, and all at once.
        browser.until("faults", async || Ok(!browser.fault_of("Region").await?.is_empty())).await?;
        for label in ["Slug", "Name", "Region", "Admin's address"] {
            ensure!(!browser.fault_of(label).await?.is_empty(), "{label}");
        }
        browser.fill("Slug", &slug).await?;
        browser.fill("Name", "Made in a form").await?;
        browser.choose("Region", "eu-central-1").await?;
        browser.choose("Tier", "pilot").await?;
        browser.fill("Admin's address", &format!("admin@{slug}.example.com")).await?;
        browser.tick("Somebody has verified what the region's law requires of this data").await?;
        browser.click("Create the tenant").await?;
        browser.sees("Made in a form").await?;
        browser.sees("9 of 9 steps are completed").await?;
        browser.sees("supabase project").await?;
        browser.sees("tenant.create").await?;
        let record = cloud.tenant(&slug).await?;
        assert_eq!((&record["region"], &record["tier"]), (&json!("eu-central-1"), &json!("pilot")));
        // What exists can be looked at where it is.
        let reference = record["supabase_project_ref"].as_str().context("a project")?;
        let place = format!("https://supabase.com/dashboard/project/{reference}");
        let link =
            browser.run("return document.querySelector(`a[href='${arguments[0]}']`)?.rel", &[json!(place)]).await?;
        assert_eq!(link, "noopener noreferrer");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn everything_that_can_be_done_to_a_live_tenant() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("acted", json!({ "tier": "pilot" })).await?;
        let address = format!("admin@{slug}.example.com");
        let mails = cloud.mails_to(&address).await?.len();
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;

        browser.click("Invite again…").await?;
        browser.click("Invite again").await?;
        is_done(browser).await?;
        assert_eq!(cloud.mails_to(&address).await?.len(), mails + 1);

        browser.click("Change…").await?;
        browser.choose("Tier", "enterprise").await?;
        browser.fill("Name", "It's another").await?;
        let [ivory, curl] = lines(browser).await?.try_into().ok().context("two lines")?;
        assert_eq!(ivory, format!("ivory tenant update {slug} --tier=enterprise '--display-name=It'\\''s another'"));
        ensure!(curl.starts_with("curl -X PATCH -H \"X-API-Key: $IVORY_API_KEY\" -H 'If-Match: "), "{curl}");
        ensure!(!curl.contains(&cloud.admin_key), "the key is shown");
        browser.click("Change").await?;
        is_done(browser).await?;
        browser.sees("It's another").await?;
        let record = cloud.tenant(&slug).await?;
        assert_eq!((&record["tier"], &record["display_name"]), (&json!("enterprise"), &json!("It's another")));

        browser.click("Drop cache entries…").await?;
        browser.click("Drop cache entries").await?;
        is_done(browser).await?;

        browser.click("Deactivate…").await?;
        browser.fill("Type the tenant's slug", "another").await?;
        browser.click("Deactivate").await?;
        assert_eq!(
            browser.fault_of("Type the tenant's slug").await?,
            "So that it is not another one. must be the tenant's slug"
        );
        browser.fill("Type the tenant's slug", &slug).await?;
        browser.click("Deactivate").await?;
        is_done(browser).await?;
        browser.sees("deprovisioned").await?;
        assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Deprovisioned);
        browser.sees_no_more("Deactivate…").await
    })
    .await
}

/// A change that somebody else made meanwhile is not undone unseen.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_change_is_meant_for_what_was_seen() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("stale", json!({ "tier": "pilot" })).await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.click("Change…").await?;
        cloud.change(&slug, json!({ "display_name": "Somebody else's" })).await?.expect(200)?;
        browser.fill("Name", "Mine").await?;
        browser.click("Change").await?;
        browser.sees("version_mismatch").await?;
        assert_eq!(cloud.tenant(&slug).await?["display_name"], "Somebody else's");
        // Who insists may.
        browser.click("Change").await?;
        is_done(browser).await?;
        assert_eq!(cloud.tenant(&slug).await?["display_name"], "Mine");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn tenants_are_searched_and_filtered_by_the_server() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("found", json!({ "tier": "pilot", "display_name": "Needle & Sons" })).await?;
        let (other, _) = cloud.live("lost", json!({ "tier": "pilot" })).await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit("#/tenants/").await?;
        browser.sees(&other).await?;
        browser.fill("Search", &slug).await?;
        browser.sees_no_more(&other).await?;
        browser.sees("1 shown, which are all.").await?;
        browser.choose("State", "failed").await?;
        browser.sees("No tenants.").await?;
        browser.choose("State", "active").await?;
        browser.click("Needle & Sons").await?;
        browser.sees("9 of 9 steps are completed").await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn an_auditor_sees_everything_and_is_offered_no_change() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("audited", json!({ "tier": "pilot" })).await?;
        browser.sign_in(&cloud.auditor_key).await?;
        browser.visit("#/tenants/").await?;
        browser.sees(&slug).await?;
        assert!(!browser.offers("Create").await? && !browser.offers("Create a tenant").await?);
        browser.visit(&format!("#/tenants/{slug}")).await?;
        for text in ["9 of 9 steps are completed", "supabase project", "tenant.create"] {
            browser.sees(text).await?;
        }
        for button in CHANGES {
            assert!(!browser.offers(button).await?, "{button}");
        }
        // Nor is the form behind its address.
        browser.visit("#/create").await?;
        browser.sees("What you may do").await?;
        browser.visit("#/audit").await?;
        browser.sees("tenant.create").await
    })
    .await
}
