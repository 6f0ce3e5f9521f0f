//! The figures of the README. `UPDATE_CONSOLE=1` writes them anew.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use browser::in_a_browser;

/// Whether pictures and figures are taken anew.
pub fn anew() -> bool {
    std::env::var_os("UPDATE_CONSOLE").is_some()
}

/// Writes a figure into its row of the README, if they are taken anew. Fails if it has no such row.
pub fn figure(name: &str, value: &str) -> Result<()> {
    // The tests of this program run side by side.
    static README: Mutex<()> = Mutex::new(());
    let _mine = README.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(&format!("| {name} | ")).with_context(|| format!("no row for {name}"))?;
    let (_, after) = rest.split_once(" |\n").context("the row has no end")?;
    println!("{name}: {value}");
    if anew() {
        fs::write(path, format!("{before}| {name} | {value} |\n{after}"))?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and TEST_CHROMEDRIVER"]
async fn the_page_is_small_and_its_tests_are_counted() -> Result<()> {
    in_a_browser(async |browser, _, _| {
        const BYTES: &str = "return (await (await fetch(location.pathname)).arrayBuffer()).byteLength";
        let bytes = browser.run_to_end(BYTES, &[]).await?.as_u64().context("a size")?;
        assert!(bytes <= 60_000, "{bytes} bytes");
        figure("Size of the page, uncompressed", &format!("{bytes} bytes (at most 60,000)"))?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console");
        let mut tests = 0;
        for file in fs::read_dir(folder)? {
            let text = fs::read_to_string(file?.path())?;
            tests += text.lines().filter(|line| *line == "#[tokio::test]").count();
        }
        figure("Tests in a browser", &tests.to_string())
    })
    .await
}
