//! The browser enforces the page's policy, and these tests would notice if the page met it.

use anyhow::{Result, ensure};
use browser::in_a_browser;

/// What no page of this policy may do, and would do if somebody had written into it; and a word of the browser's complaint.
const FORBIDDEN: [(&str, &str); 6] = [
    (
        "inline style",
        "const style = document.createElement('style'); style.append('*{}'); document.head.append(style);",
    ),
    ("style attributes", "document.body.setAttribute('style', 'color: red');"),
    ("connect-src", "fetch('http://127.0.0.1:9/').catch(() => {});"),
    (
        "img-src",
        "const picture = document.createElement('img'); picture.src = 'http://127.0.0.1:9/'; document.body.append(picture);",
    ),
    ("TrustedHTML", "try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); } catch { }"),
    (
        "TrustedScript",
        "setTimeout(() => { try { document.createElement('script').text = 'window.hacked = 1'; } catch { } });",
    ),
];

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn what_the_policy_forbids_is_a_complaint() -> Result<()> {
    in_a_browser(async |browser, _, _| {
        browser.made_no_mistake().await?;
        for (word, script) in FORBIDDEN {
            browser.run(script, &[]).await?;
            let complained = async || Ok(browser.complaints().await?.iter().any(|line| line.contains(word)));
            browser.until(word, complained).await?;
        }
        ensure!(browser.run("return window.hacked === undefined", &[]).await? == true);
        // A mistake of the page is one, too.
        browser.run("setTimeout(() => { throw new Error('a mistake'); });", &[]).await?;
        let noticed = async || Ok(browser.complaints().await?.iter().any(|line| line.contains("a mistake")));
        browser.until("a mistake", noticed).await?;
        // Some of them complain twice. Nothing does once the page is left.
        browser.open("about:blank").await?;
        browser.complaints().await.map(drop)
    })
    .await
}
