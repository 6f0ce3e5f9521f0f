//! The console in a real browser. `TEST_CHROMEDRIVER` names Debian's `chromedriver`, which finds Debian's Chromium.
//!
//! The browser reaches the cloud through a [`Door`]: a test closes it to play a server that is down, or lets it refuse a
//! credential. A test fails if the page made a mistake, or tried what its policy forbids.

#![warn(missing_docs)]

mod door;
mod driver;
mod page;

use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::Result;
use e2e::Cloud;
use futures_util::FutureExt as _;
use tokio::sync::Mutex;

pub use door::{Door, Manner};
pub use driver::Browser;

/// A browser takes the memory and the processor of several tests.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Runs a test with a browser that has the console open, at the form to sign in with.
pub async fn in_a_browser(test: impl AsyncFnOnce(&Browser, &Door, &Cloud) -> Result<()>) -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = ALONE.lock().await;
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
