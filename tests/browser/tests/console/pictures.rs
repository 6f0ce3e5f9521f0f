//! The pictures of the README. `cargo xtask pictures` takes them anew.

use std::path::Path;

use anyhow::{Result, ensure};
use browser::in_a_browser;

use crate::figures::anew;
use crate::world;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/api/get-console/pictures");
/// The most bytes of a picture.
const MOST: usize = 120_000;

/// Writes a picture down, if they are taken anew.
fn keep(name: &str, picture: &[u8]) -> Result<()> {
    ensure!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000, "{name} is empty");
    ensure!(picture.len() <= MOST, "{name} has {} bytes", picture.len());
    if anew() {
        std::fs::create_dir_all(FOLDER)?;
        std::fs::write(Path::new(FOLDER).join(name).with_extension("png"), picture)?;
    }
    Ok(())
}

/// The tenants are those of `world.json`, so that each picture shows the same every time.
#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn pictures_can_be_taken() -> Result<()> {
    in_a_browser(async |browser, door, cloud| {
        world::shown(browser, door).await?;
        browser.size(1200, 800).await?;
        browser.hide_scrollbars().await?;
        browser.prefer("light").await?;
        browser.sign_in(&cloud.admin_key).await?;
        for (name, view, text) in [
            ("overview", "#/", "Stuck"),
            ("tenants", "#/tenants/", "7 shown, which are all."),
            ("running", "#/tenants/river-trust", "rvtrustabcdefghijklm"),
            ("failed", "#/tenants/acme-bank", "acmebankabcdefghijkl"),
        ] {
            browser.visit(view).await?;
            browser.sees(text).await?;
            keep(name, &browser.picture().await?)?;
        }
        browser.size(900, 900).await?;
        world::plan(browser).await?;
        keep("purge-plan", &browser.picture().await?)
    })
    .await
}
