//! The page is for everybody: whoever listens, uses a keyboard, or has a narrow screen.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use browser::{Browser, in_a_browser};
use e2e::Cloud;
use serde_json::{Value, json};

/// Keys, as `WebDriver` names them.
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
/// The narrowest screen, in pixels.
const NARROW: u32 = 360;
/// The time for the first paint of a list of a thousand tenants.
const PAINT: Duration = Duration::from_secs(1);

/// Every view, of one tenant.
async fn views(cloud: &Cloud) -> Result<Vec<String>> {
    let (slug, _) = cloud.live("looks", json!({ "tier": "pilot" })).await?;
    let tenant = format!("#/tenants/{slug}");
    Ok(["#/", "#/tenants/", &tenant, "#/create", "#/audit", "#/lakehouse", "#/account"].map(str::to_owned).to_vec())
}

async fn has_no_barrier(browser: &Browser, axe: &str, view: &str) -> Result<()> {
    let script = format!(
        "if (!window.axe) {{ {axe} }} return (await axe.run(document, {{ resultTypes: ['violations'], preload: false }})).violations
        .map((found) => [found.id, found.help, found.nodes.map((node) => node.html)]);"
    );
    let found = browser.run_to_end(&script).await?;
    ensure!(found == json!([]), "{view}: {found:#}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL, CLIENTS_NODE_MODULES and TEST_CHROMEDRIVER"]
async fn axe_finds_nothing() -> Result<()> {
    let modules = PathBuf::from(std::env::var_os("CLIENTS_NODE_MODULES").context("CLIENTS_NODE_MODULES is not set")?);
    let axe = std::fs::read_to_string(modules.join("axe-core/axe.min.js"))?;
    in_a_browser(async |browser, _, cloud| {
        let views = views(cloud).await?;
        has_no_barrier(browser, &axe, "sign in").await?;
        browser.sign_in(&cloud.admin_key).await?;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await?;
            for view in &views {
                browser.visit(view).await?;
                has_no_barrier(browser, &axe, &format!("{view}, {scheme}")).await?;
            }
            browser.visit(&views[2]).await?;
            browser.click("Change…").await?;
            browser.click("The same on a command line").await?;
            has_no_barrier(browser, &axe, &format!("a dialog, {scheme}")).await?;
            browser.click("Cancel").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_narrow_screen_shows_every_view() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        browser.size(NARROW, 740).await?;
        browser.sign_in(&cloud.admin_key).await?;
        for view in views(cloud).await? {
            browser.visit(&view).await?;
            let fits =
                "return [innerWidth, document.documentElement.scrollWidth <= document.documentElement.clientWidth]";
            assert_eq!(browser.run(fits, &[]).await?, json!([NARROW, true]), "{view}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_keyboard_is_enough() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, _) = cloud.live("keys", json!({ "tier": "pilot" })).await?;
        browser.sign_in(&cloud.admin_key).await?;
        browser.visit(&format!("#/tenants/{slug}")).await?;
        // A new view is read from its title on.
        assert_eq!(browser.run("return document.activeElement.tagName", &[]).await?, "H1");
        let focus = "[...document.querySelectorAll('button')].find((it) => it.textContent === 'Deactivate…').focus()";
        browser.run(focus, &[]).await?;
        browser.press(ENTER).await?;
        let inside = "return document.activeElement.closest('dialog[open]') !== null";
        browser.until("focus in the dialog", async || Ok(browser.run(inside, &[]).await? == true)).await?;
        browser.press(ESCAPE).await?;
        let back =
            "return document.querySelector('dialog') === null && document.activeElement.textContent === 'Deactivate…'";
        browser.until("focus where it was", async || Ok(browser.run(back, &[]).await? == true)).await
    })
    .await
}

/// The time from a click to the picture of all of them.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn a_thousand_tenants_are_there_at_once() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        browser.sign_in(&cloud.admin_key).await?;
        let tenant = |number: usize| -> Value {
            json!({
                "tenant_id": format!("0190d5c0-0000-7000-8000-{number:012}"), "slug": format!("tenant-{number}"),
                "display_name": format!("Tenant {number}"), "tier": "enterprise", "region": "us-east-1",
                "provisioning_state": "active", "is_active": true, "provisioned_at": "2026-03-24T10:00:00.000000Z",
            })
        };
        door.answer("/v1/admin/tenants", json!((0..1000).map(tenant).collect::<Vec<_>>()).to_string());
        let script = "const begun = performance.now();
            location.hash = '#/tenants/';
            while (document.querySelectorAll('tbody tr').length < 1000) await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            return performance.now() - begun;";
        let took = browser.run_to_end(script).await?.as_f64().context("a time")?;
        println!("a thousand tenants: {took:.0} ms");
        ensure!(took < PAINT.as_secs_f64() * 1000.0, "{took} ms");
        Ok(())
    })
    .await
}
