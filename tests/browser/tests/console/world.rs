//! A few tenants, as the API would answer for them: one of each kind that a page can show, the same every time.

use anyhow::{Context as _, Result};
use browser::{Browser, Door};
use serde_json::Value;

/// When it is there: half a minute into the run of `river-trust`.
const NOW: &str = "2026-03-24T10:00:12.000000Z";

/// A view of every kind, and what can be read there once all of it is loaded.
pub const VIEWS: [(&str, &str); 11] = [
    ("#/", "4101"),
    ("#/tenants/", "7 shown, which are all."),
    ("#/tenants/river-trust", "5 of 9 steps are completed"),
    ("#/tenants/acme-bank", "It failed at: create search index"),
    ("#/tenants/tidewater", "It waits for"),
    ("#/tenants/old-mill", "deprovisioned"),
    ("#/tenants/nobody-there", "That did not work"),
    ("#/create", "For people."),
    ("#/audit", "3 shown, which are all."),
    ("#/lakehouse", "Gateway"),
    ("#/account", "What you may do"),
];

/// Lets the door answer for them from now on, and the page's clock stand still.
pub async fn shown(browser: &Browser, door: &Door) -> Result<()> {
    let answers: Value = serde_json::from_str(include_str!("world.json"))?;
    for (path, body) in answers.as_object().context("answers by path")? {
        door.answer(path, body)?;
    }
    browser.stop_the_clock(NOW).await
}

/// Opens the plan of a purge.
pub async fn plan(browser: &Browser) -> Result<()> {
    browser.visit("#/tenants/old-mill").await?;
    browser.begin("Purge…").await?;
    browser.sees("ivory_tenant_old-mill").await
}
