//! Text of callers is text, wherever the page shows it.

use anyhow::{Context as _, Result, ensure};
use browser::{Browser, in_a_browser, looked_at};
use e2e::{Issuer, Lakehouse};
use serde_json::json;

use crate::actions::lines;
use crate::world;

/// It would run if it became markup, code of the page, or the address of a link.
const HOSTILE: &str = r#"<img src=x onerror="window.hacked=1">"><script>window.hacked=1</script>${window.hacked=1}'); window.hacked=1; ('"#;
/// The same for a name of 63 characters.
const SHORT: &str = "<img src=x onerror=hacked=1>";

/// Nothing ran, and nothing became an element.
async fn is_harmless(browser: &Browser) -> Result<()> {
    browser.unfold().await?;
    let found =
        "return [window.hacked ?? null, document.querySelectorAll('img, iframe, script:not([type=module])').length,
        [...document.querySelectorAll('a')].filter((link) => !/^https?:/.test(link.href)).length]";
    assert_eq!(browser.run(found, &[]).await?, json!([null, 0, 0]));
    browser.made_no_mistake().await
}

/// Every field that takes such text takes it here.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn what_somebody_wrote_is_read_and_never_run() -> Result<()> {
    in_a_browser(async |browser, _, cloud| {
        let (slug, tenant_id) = cloud.live("hostile", json!({ "tier": "pilot", "display_name": HOSTILE })).await?;
        let lakehouse = Lakehouse::of(cloud, tenant_id, &slug).await?;
        lakehouse.upsert(&json!({ "metadata": { HOSTILE: HOSTILE } })).await?.expect(201)?;
        let target = json!({ "source_schema": SHORT, "source_table": SHORT, "iceberg_table": SHORT, "cursor_col": SHORT,
            "primary_key_cols": [SHORT], "fivetran_connector_id": HOSTILE, "metadata": { HOSTILE: HOSTILE } });
        lakehouse.register(&target).await?.expect(201)?;
        cloud.hold(&slug, HOSTILE).await?.expect(200)?;
        let trail = cloud.get(&format!("/v1/admin/tenants/{slug}/audit")).await?.expect(200)?;
        let held = trail.as_array().and_then(|rows| rows.iter().find(|row| row["action"] == "tenant.hold"));
        let held = held.and_then(|row| row["request_id"].as_str()).context("who held it")?;
        let (gone, _) = cloud.live("hostile", json!({})).await?;
        cloud.deactivate(&gone).await?.no_content()?;
        cloud.purge_confirmed(&gone, &json!({ "reason": HOSTILE })).await?.expect(202)?;

        browser.fill("API key", &cloud.admin_key).await?;
        browser.fill("Token", &Issuer::of(cloud).await?.admin()?).await?;
        browser.click("Sign in").await?;
        browser.sees("Outside systems").await?;
        let page = format!("#/tenants/{slug}");
        browser.visit("#/tenants/").await?;
        browser.fill("Search", &slug).await?;
        browser.sees("1 shown, which are all.").await?;
        browser.sees(HOSTILE).await?;
        is_harmless(browser).await?;
        browser.visit(&page).await?;
        for text in ["Under a legal hold", "tenant.create", "ivory-lakehouse", &format!("{SHORT}.{SHORT}")] {
            browser.sees(text).await?;
        }
        is_harmless(browser).await?;
        browser.visit(&format!("#/tenants/{gone}")).await?;
        browser.sees(&format!("because: {HOSTILE}")).await?;
        is_harmless(browser).await?;
        browser.visit("#/audit").await?;
        browser.click("Filter").await?;
        browser.fill("Request", held).await?;
        browser.click("Show").await?;
        browser.sees("tenant.hold").await?;
        is_harmless(browser).await?;
        browser.sees("onerror").await?;
        browser.visit("#/lakehouse").await?;
        browser.sees(&format!("{SHORT}.{SHORT}")).await?;
        is_harmless(browser).await?;

        // What the reader types, or is led to.
        browser.visit("#/tenants/").await?;
        browser.fill("Search", HOSTILE).await?;
        browser.sees("shown, which are all.").await?;
        is_harmless(browser).await?;
        for way in ["%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E", "%"] {
            browser.visit(&format!("#/tenants/{way}")).await?;
            browser.sees("That did not work").await?;
            is_harmless(browser).await?;
        }
        // The lines to copy are one command each, whatever is in them.
        browser.visit(&page).await?;
        browser.begin("Change…").await?;
        browser.fill("Name", "a'; rm -rf ~ #$(id)`id`").await?;
        let lines = lines(browser).await?;
        ensure!(lines[0].ends_with(r"'--display-name=a'\''; rm -rf ~ #$(id)`id`'"), "{lines:?}");
        is_harmless(browser).await
    })
    .await
}

/// Whatever the server has let in, in every text of every answer.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn no_text_of_an_answer_is_run() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        let slug = looked_at(cloud).await?;
        world::shown(browser, door).await?;
        door.append(HOSTILE);
        browser.fill("API key", "wrong").await?;
        browser.click("Sign in").await?;
        browser.sees(HOSTILE).await?;
        is_harmless(browser).await?;
        browser.sign_in(&cloud.admin_key).await?;
        let ours = format!("#/tenants/{slug}");
        for view in world::VIEWS.map(|(view, _)| view).into_iter().chain([ours.as_str()]) {
            browser.visit(view).await?;
            // The form to make a tenant has no text of the server yet.
            let text = if view == "#/create" { "For people." } else { HOSTILE };
            browser.sees(text).await?;
            is_harmless(browser).await?;
        }
        browser.visit("#/create").await?;
        browser.click("Create the tenant").await?;
        browser.sees_fault("Slug", HOSTILE).await?;
        is_harmless(browser).await?;
        browser.visit(&ours).await?;
        browser.click("Check now").await?;
        browser.sees("What to do").await?;
        is_harmless(browser).await?;
        world::plan(browser).await?;
        is_harmless(browser).await
    })
    .await
}
