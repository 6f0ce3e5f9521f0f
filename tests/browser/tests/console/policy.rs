//! The browser enforces the page's policy, and these tests would notice if the page met it.

use anyhow::{Result, ensure};
use browser::in_a_browser;

/// What no page of this policy may do, and would do if somebody had written into it.
const FORBIDDEN: [(&str, &str); 6] = [
    ("a style", "const style = document.createElement('style'); style.append('*{}'); document.head.append(style);"),
    ("a style of an element", "document.body.setAttribute('style', 'color: red');"),
    ("another host", "fetch('http://127.0.0.1:9/').catch(() => {});"),
    (
        "a picture",
        "const picture = document.createElement('img'); picture.src = 'http://127.0.0.1:9/'; document.body.append(picture);",
    ),
    ("markup from text", "try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); } catch { }"),
    (
        "code from text",
        "setTimeout(() => { try { document.createElement('script').text = 'window.hacked = 1'; } catch { } });",
    ),
];

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn what_the_policy_forbids_is_a_complaint() -> Result<()> {
    in_a_browser(async |browser, _, _| {
        browser.made_no_mistake().await?;
        for (what, script) in FORBIDDEN {
            browser.run(script, &[]).await?;
            let complained = async || Ok(!browser.complaints().await?.is_empty());
            browser.until(what, complained).await?;
            // Some of them complain twice.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            browser.complaints().await?;
        }
        ensure!(browser.run("return window.hacked === undefined", &[]).await? == true);
        Ok(())
    })
    .await
}
