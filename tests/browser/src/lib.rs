//! The console in a real browser. `TEST_CHROMEDRIVER` names Debian's `chromedriver`, which finds Debian's Chromium.
//!
//! The browser reaches the cloud through a [`Door`]: a test closes it to play a server that is down, or lets it refuse a
//! credential. Every test fails if the page made a mistake, or tried what its policy forbids.
//!
//! Other tests use the same cloud. So a test looks for its own tenant by its slug, and waits for what it expects.

#![warn(missing_docs)]

mod door;
mod driver;
mod page;

use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::Result;
use e2e::Cloud;
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::sync::{OnceCell, Semaphore};

pub use door::{Door, Manner};
pub use driver::Browser;

/// Places for browsers: one takes the memory and the processor of several tests.
static PLACES: Semaphore = Semaphore::const_new(2);
const ALL_PLACES: u32 = 2;

/// Runs a test with a browser that has the console open, at the form to sign in with.
pub async fn in_a_browser(test: impl AsyncFnOnce(&Browser, &Door, &Cloud) -> Result<()>) -> Result<()> {
    in_places(1, test).await
}

/// The same while no other browser runs: the test measures a time.
pub async fn in_the_only_browser(test: impl AsyncFnOnce(&Browser, &Door, &Cloud) -> Result<()>) -> Result<()> {
    in_places(ALL_PLACES, test).await
}

async fn in_places(taken: u32, test: impl AsyncFnOnce(&Browser, &Door, &Cloud) -> Result<()>) -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _places = PLACES.acquire_many(taken).await?;
    let door = Door::to(&cloud).await?;
    let browser = Browser::start(&cloud.http).await?;
    let outcome = AssertUnwindSafe(async {
        browser.open(&door.url("/v1/console")).await?;
        browser.sees("Sign in").await?;
        test(&browser, &door, &cloud).await?;
        browser.made_no_mistake().await
    });
    let outcome = outcome.catch_unwind().await;
    browser.end().await?;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Slug of a live tenant that all tests of this process share. They only look at it.
pub async fn looked_at(cloud: &Cloud) -> Result<&'static str> {
    static SLUG: OnceCell<String> = OnceCell::const_new();
    let live = async || cloud.live("looked-at", json!({ "tier": "pilot" })).await.map(|(slug, _)| slug);
    SLUG.get_or_try_init(live).await.map(String::as_str)
}
