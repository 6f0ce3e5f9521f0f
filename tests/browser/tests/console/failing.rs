//! A run that fails is understood and mended from the page.

use anyhow::Result;
use browser::in_a_browser;
use e2e::{State, unique, with_faults};
use fault_proxy::client::Match;
use serde_json::json;

const FORBIDDEN: &str = r#"{"message":"Your account does not have the necessary privileges to access this endpoint"}"#;

#[tokio::test]
#[ignore = "needs API_URL, FAULT_PROXY_URL and TEST_CHROMEDRIVER"]
async fn a_failed_run_says_what_to_do_and_goes_on() -> Result<()> {
    with_faults(async |_, faults| {
        in_a_browser(async |browser, _, cloud| {
            let slug = unique("mended");
            let create = Match { body_regex: Some(slug.clone()), ..Match::request("POST", "^/v1/projects$") };
            let fault = faults.answer("supabase", create, 403, FORBIDDEN).await?;
            cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
            browser.sign_in(&cloud.admin_key).await?;
            browser.visit(&format!("#/tenants/{slug}")).await?;
            browser.sees("It failed at: create environment").await?;
            browser.sees("Who can mend it: ").await?;
            browser.sees("supabase_forbidden").await?;
            let hint = cloud.status(&slug).await?.cause()?["hint"].as_str().unwrap_or_default().to_owned();
            browser.sees(&hint).await?;
            // Where nobody looks for it by name, too.
            browser.visit("#/").await?;
            browser.sees("Failed last").await?;
            browser.click(&slug).await?;

            faults.mend(fault).await?;
            browser.begin("Retry…").await?;
            browser.confirm("Retry").await?;
            browser.sees("in attempt 2").await?;
            browser.sees("9 of 9 steps are completed").await?;
            browser.sees_no_more("It failed at").await?;
            assert_eq!(cloud.status(&slug).await?.provisioning_state, State::Active);
            Ok(())
        })
        .await
    })
    .await
}
