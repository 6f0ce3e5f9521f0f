//! Text of callers is text, wherever the page shows it.

use anyhow::{Result, ensure};
use browser::{Browser, in_a_browser};
use e2e::{Issuer, Lakehouse, unique};
use serde_json::json;

/// It would run if it became markup, code of the page, or the address of a link.
const HOSTILE: &str = r#"<img src=x onerror="window.hacked=1">"><script>window.hacked=1</script>${window.hacked=1}'); window.hacked=1; ('"#;

/// Nothing ran, and nothing became an element.
async fn is_harmless(browser: &Browser) -> Result<()> {
    let found = "return [window.hacked ?? null, document.querySelectorAll('img, script:not([type=module])').length,
        [...document.querySelectorAll('a')].filter((link) => !/^(https?|data):/.test(link.href)).length]";
    assert_eq!(browser.run(found, &[]).await?, json!([null, 0, 0]));
    browser.made_no_mistake().await
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn what_somebody_wrote_is_read_and_never_run() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        let slug = unique("hostile");
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot", "display_name": HOSTILE })).await?;
        let lakehouse = Lakehouse::of(cloud, tenant_id, &slug).await?;
        let metadata = json!({ "metadata": { HOSTILE: HOSTILE } });
        lakehouse.upsert(&metadata).await?.expect(201)?;
        let target = json!({ "source_schema": "<b>public</b>", "source_table": "<i onclick=window.hacked=1>t</i>", "iceberg_table": "hostile", "metadata": { "x": HOSTILE } });
        lakehouse.register(&target).await?.expect(201)?;
        // Of a system's trouble the page shows what the server says.
        let cause = json!({ "code": HOSTILE, "hint": HOSTILE, "owner": "platform", "retryable": false, "foreseen_at": null, "provider_request_id": HOSTILE });
        let system = json!({ "system": HOSTILE, "region": null, "tier": null, "verdict": HOSTILE, "fresh": true, "cause": cause,
            "warnings": [{ "code": HOSTILE, "hint": HOSTILE }], "checked_at": "2026-03-24T10:00:00.000000Z", "age": 1 });
        door.answer("/v1/admin/systems", json!([system]).to_string());

        browser.sign_in(&cloud.admin_key).await?;
        browser.sees("window.hacked=1").await?;
        is_harmless(browser).await?;
        browser.visit("#/account").await?;
        browser.fill("Token", &Issuer::of(cloud).await?.admin()?).await?;
        browser.click("Sign in").await?;
        browser.sees("With the token").await?;
        for view in ["#/tenants/".to_owned(), format!("#/tenants/{slug}"), "#/audit".to_owned(), "#/lakehouse".to_owned()] {
            browser.visit(&view).await?;
            let shown = if view == "#/lakehouse" { "<b>public</b>" } else { "<img src=x" };
            // In the audit log it is folded up.
            browser.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })", &[]).await?;
            browser.sees(shown).await?;
            is_harmless(browser).await?;
        }
        // What the reader types, or is led to.
        browser.visit("#/tenants/").await?;
        browser.fill("Search", "<img src=x onerror=window.hacked=1>").await?;
        browser.visit("#/tenants/%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E").await?;
        browser.sees("That did not work").await?;
        is_harmless(browser).await?;
        // The lines to copy are one command each, whatever is in them.
        browser.visit(&format!("#/tenants/{slug}")).await?;
        browser.until("a live tenant", async || browser.offers("Change…").await).await?;
        browser.click("Change…").await?;
        browser.fill("Name", "a'; rm -rf ~ #$(id)`id`").await?;
        let lines = browser.run("return [...document.querySelectorAll('dialog pre')].map((line) => line.textContent)", &[]).await?;
        let ivory = lines[0].as_str().unwrap_or_default();
        ensure!(ivory.ends_with(r"'--display-name=a'\''; rm -rf ~ #$(id)`id`'"), "{ivory}");
        is_harmless(browser).await
    })
    .await
}
