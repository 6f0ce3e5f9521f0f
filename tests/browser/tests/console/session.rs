//! Who is signed in, until when, and whether the server is there.

use anyhow::{Context as _, Result, ensure};
use browser::{Manner, in_a_browser, looked_at};
use e2e::{Issuer, Lakehouse, unique};
use serde_json::json;

/// Everything that outlives the page, or that others may read.
const KEPT: &str = "return JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state, document.title,
    performance.getEntries().map((entry) => entry.name), document.documentElement.outerHTML,
    [...document.querySelectorAll('input')].map((field) => field.value)])";

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_key_stays_in_the_memory_of_the_page() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        browser.click("Sign in").await?;
        browser.sees_fault("API key", "is required, or a token").await?;
        browser.fill("API key", "ivory_nobody").await?;
        browser.click("Sign in").await?;
        browser.sees("unauthenticated").await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("Overview").await?;
        browser.visit("#/account").await?;
        browser.sees("retry-tenant").await?;
        let kept = browser.run(KEPT, &[]).await?;
        ensure!(!kept.as_str().context("a text")?.contains(&cloud.admin_key), "the key is kept");
        // It ends with the page: when that is loaded anew, and when it is left, even if the browser keeps it to go back to.
        browser.reload().await?;
        browser.sees("Sign in").await?;
        assert!(!browser.offers("Sign out").await?);
        browser.sign_in(&cloud.admin_key).await?;
        browser.open(&door.url("/v1/admin/lakehouse/health")).await?;
        browser.run("history.back()", &[]).await?;
        browser.sees("API key").await?;
        assert!(!browser.offers("Sign out").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_wrong_credential_ends_no_session() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        browser.sign_in(&cloud.admin_key).await?;
        for field in ["API key", "Token"] {
            browser.visit("#/account").await?;
            browser.fill(field, "wrong").await?;
            browser.click("Sign in").await?;
            browser.sees("unauthenticated").await?;
            browser.visit("#/tenants/").await?;
            browser.sees("Search").await?;
        }
        assert!(browser.offers("Sign out").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_token_opens_the_lakehouse() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let slug = unique("lake");
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        let lakehouse = Lakehouse::of(cloud, tenant_id, &slug).await?;
        lakehouse.upsert(&json!({})).await?.expect(201)?;
        lakehouse.register(&json!({})).await?.expect(201)?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit("#/lakehouse").await?;
        browser.sees("A token is needed").await?;
        browser.click("sign in with one").await?;
        browser.fill("Token", &Issuer::of(cloud).await?.admin()?).await?;
        browser.click("Sign in").await?;
        browser.sees("With the token").await?;
        // The newest hundred of all tenants, and those of one.
        for view in ["#/lakehouse".to_owned(), format!("#/tenants/{slug}")] {
            browser.visit(&view).await?;
            browser.sees(&format!("s3://ivory-iceberg/{slug}/")).await?;
            browser.sees(&format!("ivory_tenant_{slug}.companies_snapshot")).await?;
            assert!(!browser.text().await?.contains("A token is needed"), "{view}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_session_that_ends_goes_on_where_it_was() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("Outside systems").await?;
        door.set(Manner::Ended);
        browser.visit("#/audit").await?;
        browser.sees("Your API key is not accepted any more").await?;
        assert!(!browser.offers("Sign out").await?);
        door.set(Manner::Open);
        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("Audit log").await?;
        browser.sees_no_more("not accepted any more").await
    })
    .await
}

/// Without a key beside it, nothing is left to go on with.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_token_that_ends_is_asked_for_again() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        browser.fill("Token", &Issuer::of(cloud).await?.admin()?).await?;
        browser.click("Sign in").await?;
        browser.sees("With the token").await?;
        door.set(Manner::Ended);
        browser.visit("#/lakehouse").await?;
        browser.sees("Your token is not accepted any more").await?;
        assert!(!browser.offers("Sign out").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_server_that_is_down_is_named_and_comes_back() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        let slug = looked_at(cloud).await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("Outside systems").await?;
        door.set(Manner::Silent);
        browser.visit("#/tenants/").await?;
        browser.sees("The server does not answer.").await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.sees("That did not work").await?;
        door.set(Manner::Open);
        browser.click("Try again").await?;
        browser.sees("9 of 9 steps are completed").await?;
        browser.sees_no_more("The server does not answer.").await?;
        // Whoever sends a form meanwhile reads that nobody knows, and sends it again.
        browser.begin("Drop cache entries…").await?;
        door.set(Manner::Silent);
        browser.click("Drop cache entries").await?;
        browser.sees("Nobody knows yet whether the request was done.").await?;
        door.set(Manner::Open);
        browser.confirm("Drop cache entries").await?;
        browser.sees("The cache has no entries of it.").await
    })
    .await
}
