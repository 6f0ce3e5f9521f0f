//! Every action, and who is not offered it.

use anyhow::{Context as _, Result, ensure};
use browser::{Browser, in_a_browser, looked_at};
use e2e::{State, unique};
use serde_json::json;

pub const CONFIRM: &str = "Type the tenant's slug";

/// Buttons that begin a change, of whatever tenant is shown. They end like this, and no others do.
const CHANGES: &str = "return [...document.querySelectorAll('button')].map((button) => button.textContent)
    .filter((text) => text.endsWith('…'))";

/// The lines that a dialog gives to copy.
pub async fn lines(browser: &Browser) -> Result<Vec<String>> {
    let read = "return [...document.querySelectorAll('dialog pre')].map((line) => line.textContent)";
    Ok(serde_json::from_value(browser.run(read, &[]).await?)?)
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
        for label in ["Slug", "Name", "Region", "Admin's address"] {
            browser.until(label, async || Ok(!browser.fault_of(label).await?.is_empty())).await?;
        }
        browser.fill("Slug", &slug).await?;
        browser.fill("Name", "Made in a form").await?;
        browser.choose("Region", "eu-central-1").await?;
        browser.choose("Tier", "pilot").await?;
        browser.fill("Admin's address", &format!("admin@{slug}.example.com")).await?;
        browser.tick("Somebody has verified what the region's law requires of this data").await?;
        browser.click("Create the tenant").await?;
        for text in ["Made in a form", "9 of 9 steps are completed", "supabase project", "tenant.create"] {
            browser.sees(text).await?;
        }
        let record = cloud.tenant(&slug).await?;
        assert_eq!((&record["region"], &record["tier"]), (&json!("eu-central-1"), &json!("pilot")));
        // What exists can be looked at where it is.
        let reference = record["supabase_project_ref"].as_str().context("a project")?;
        let link = format!(
            "return document.querySelector(`a[href='https://supabase.com/dashboard/project/{reference}']`)?.rel === 'noopener noreferrer'"
        );
        browser.until_true("a link to the project", &link).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn everything_that_can_be_done_to_a_live_tenant() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("acted", json!({ "tier": "pilot" })).await?;
        let (address, another) = (format!("admin@{slug}.example.com"), format!("other@{slug}.example.com"));
        let mails = cloud.mails_to(&address).await?.len();
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;

        browser.begin("Invite again…").await?;
        browser.confirm("Invite again").await?;
        assert_eq!(cloud.mails_to(&address).await?.len(), mails + 1);
        browser.begin("Invite again…").await?;
        browser.fill("Another address", &another).await?;
        browser.confirm("Invite again").await?;
        browser.sees(&another).await?;
        assert_eq!(cloud.mails_to(&another).await?.len(), 1);

        browser.begin("Change…").await?;
        browser.choose("Tier", "enterprise").await?;
        browser.fill("Name", "It's another").await?;
        let [ivory, curl] = lines(browser).await?.try_into().ok().context("two lines")?;
        assert_eq!(ivory, format!("ivory tenant update {slug} --tier=enterprise '--display-name=It'\\''s another'"));
        ensure!(curl.starts_with("curl -X PATCH -H \"X-API-Key: $IVORY_API_KEY\" -H 'If-Match: "), "{curl}");
        ensure!(!curl.contains(&cloud.admin_key), "the key is shown");
        browser.confirm("Change").await?;
        browser.sees("It's another").await?;
        let record = cloud.tenant(&slug).await?;
        assert_eq!((&record["tier"], &record["display_name"]), (&json!("enterprise"), &json!("It's another")));

        browser.begin("Drop cache entries…").await?;
        browser.confirm("Drop cache entries").await?;
        browser.sees("The cache has no entries of it.").await?;

        browser.begin("Deactivate…").await?;
        browser.fill(CONFIRM, "another").await?;
        browser.click("Deactivate").await?;
        browser.sees_fault(CONFIRM, "must be the tenant's slug").await?;
        assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Active);
        browser.fill(CONFIRM, &slug).await?;
        browser.confirm("Deactivate").await?;
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
        browser.begin("Change…").await?;
        cloud.change(&slug, json!({ "display_name": "Somebody else's" })).await?.expect(200)?;
        browser.fill("Name", "Mine").await?;
        browser.click("Change").await?;
        browser.sees("version_mismatch").await?;
        assert_eq!(cloud.tenant(&slug).await?["display_name"], "Somebody else's");
        // Who insists may.
        browser.confirm("Change").await?;
        assert_eq!(cloud.tenant(&slug).await?["display_name"], "Mine");
        Ok(())
    })
    .await
}

/// Other tests' tenants are in the list, too, so these two have a word of their own.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn tenants_are_searched_and_filtered_by_the_server() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let word = unique("hay");
        let named = |name: &str| json!({ "tier": "pilot", "display_name": format!("{name} {word}") });
        let slug = cloud.live("found", named("Needle & Sons")).await?.0;
        let other = cloud.live("lost", named("Straw")).await?.0;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit("#/tenants/").await?;
        browser.fill("Search", &word).await?;
        browser.sees("2 shown, which are all.").await?;
        let shown = browser.text().await?;
        ensure!(shown.contains(&slug) && shown.contains(&other), "{shown}");
        browser.fill("Search", &slug).await?;
        browser.sees("1 shown, which are all.").await?;
        browser.sees_no_more(&other).await?;
        for (label, value) in [("State", "failed"), ("Tier", "enterprise"), ("Region", "eu-central-1")] {
            browser.choose(label, value).await?;
            browser.sees("No tenants.").await?;
            browser.choose(label, "").await?;
            browser.sees("1 shown, which are all.").await?;
        }
        browser.choose("State", "active").await?;
        browser.click(&format!("Needle & Sons {word}")).await?;
        browser.sees("9 of 9 steps are completed").await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn an_auditor_sees_everything_and_is_offered_no_change() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let slug = looked_at(cloud).await?;
        let (gone, _) = cloud.live("audited", json!({})).await?;
        cloud.deactivate(&gone).await?.no_content()?;
        browser.sign_in(&cloud.auditor_key).await?;
        browser.visit("#/tenants/").await?;
        browser.fill("Search", slug).await?;
        browser.sees("1 shown, which are all.").await?;
        assert!(!browser.offers("Create").await? && !browser.offers("Create a tenant").await?);
        browser.visit(&format!("#/tenants/{slug}")).await?;
        for text in ["9 of 9 steps are completed", "supabase project", "tenant.create"] {
            browser.sees(text).await?;
        }
        assert_eq!(browser.run(CHANGES, &[]).await?, json!([]));
        // Nor what may be done to a tenant that is switched off, under a hold, or about to be purged.
        let page = format!("#/tenants/{gone}");
        browser.visit(&page).await?;
        browser.sees("tenant.deactivate").await?;
        assert_eq!(browser.run(CHANGES, &[]).await?, json!([]));
        cloud.purge_confirmed(&gone, &json!({ "reason": "The bank asked for it" })).await?.expect(202)?;
        browser.reload().await?;
        browser.sign_in(&cloud.auditor_key).await?;
        browser.sees("waiting approval").await?;
        assert_eq!(browser.run(CHANGES, &[]).await?, json!([]));
        // Nor is the form behind its address.
        browser.visit("#/create").await?;
        browser.sees("What you may do").await?;
        browser.visit("#/audit").await?;
        browser.sees("tenant.purge").await?;
        browser.click("Filter").await?;
        browser.fill("What", "tenant.deactivate").await?;
        browser.click("Show").await?;
        browser.sees_no_more("tenant.purge").await?;
        browser.sees("tenant.deactivate").await
    })
    .await
}
