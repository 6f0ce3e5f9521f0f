//! Who is signed in, until when, and whether the server is there.

use anyhow::{Context as _, Result, ensure};
use browser::{Manner, in_a_browser};
use e2e::Issuer;
use serde_json::json;

/// Everything that outlives the page, or that others may read.
const KEPT: &str = "return JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state, document.title,
    performance.getEntries().map((entry) => entry.name), document.documentElement.outerHTML])";

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_key_stays_in_the_memory_of_the_page() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        browser.click("Sign in").await?;
        ensure!(browser.fault_of("API key").await?.contains("is required, or a token"));
        browser.fill("API key", "ivory_nobody").await?;
        browser.click("Sign in").await?;
        browser.sees("unauthenticated").await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("Overview").await?;
        browser.visit("#/account").await?;
        browser.sees("retry-tenant").await?;
        let kept = browser.run(KEPT, &[]).await?;
        ensure!(!kept.as_str().context("a text")?.contains(&cloud.admin_key), "the key is kept");
        browser.reload().await?;
        browser.sees("Sign in").await?;
        assert!(!browser.offers("Sign out").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_token_opens_the_lakehouse() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit("#/lakehouse").await?;
        browser.sees("A token is needed").await?;
        browser.click("sign in with one").await?;
        browser.fill("Token", &Issuer::of(cloud).await?.admin()?).await?;
        browser.click("Sign in").await?;
        browser.sees("With the token").await?;
        browser.visit("#/lakehouse").await?;
        browser.sees("Catalogs").await?;
        assert!(!browser.text().await?.contains("A token is needed"));
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_session_that_ends_goes_on_where_it_was() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        browser.sign_in(&cloud.admin_key).await?;
        door.set(Manner::Ended);
        browser.run("location.hash = '#/audit'", &[]).await?;
        browser.sees("not accepted any more").await?;
        assert!(!browser.offers("Sign out").await?);
        door.set(Manner::Open);
        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("Audit log").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_server_that_is_down_is_named_and_comes_back() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        let (slug, _) = cloud.live("door", json!({ "tier": "pilot" })).await?;
        browser.sign_in(&cloud.admin_key).await?;
        door.set(Manner::Silent);
        browser.visit("#/tenants/").await?;
        browser.sees("The server does not answer.").await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.sees("That did not work").await?;
        door.set(Manner::Open);
        browser.click("Try again").await?;
        browser.sees("9 of 9 steps are completed").await?;
        browser.sees_no_more("The server does not answer.").await
    })
    .await
}
