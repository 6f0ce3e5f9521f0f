//! The terminal in the README. `UPDATE_README=1 cargo xtask test` writes it anew.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::help::commands;
use crate::shown::without_what_differs;

const BEGIN: &str = "<!-- begin: a terminal, written by a test -->\n```text\n";
const END: &str = "\n```\n<!-- end -->";

/// Fails unless the README shows this, but for what differs from run to run.
pub fn shows(terminal: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).context("the README has no terminal")?;
    let (shown, after) = rest.split_once(END).context("the README's terminal has no end")?;
    if std::env::var_os("UPDATE_README").is_some() {
        return Ok(fs::write(path, format!("{before}{BEGIN}{terminal}{END}{after}"))?);
    }
    assert_eq!(without_what_differs(shown), without_what_differs(terminal));
    Ok(())
}

/// What the README tells a reader to type can be typed.
#[test]
fn its_commands_can_be_typed() -> Result<()> {
    let text = include_str!("../../../../README.md").replace("\\\n", " ");
    let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or_default());
    let lines: Vec<_> = lines.filter(|line| line.contains("ivory ") && !line.contains("()")).collect();
    assert!(lines.len() > 15, "few commands were found: {lines:?}");
    for line in lines {
        for words in commands(&line.replace("$SLUG", "acme-bank"))? {
            ivory::command().try_get_matches_from(&words).with_context(|| format!("cannot be typed: {line}"))?;
        }
    }
    Ok(())
}
