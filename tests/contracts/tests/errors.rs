//! `functions/api/ERRORS.md` matches the tables of problems and causes.

use anyhow::Result;
use contracts::{errors, read};

#[test]
fn the_document_is_up_to_date() -> Result<()> {
    assert!(read(errors::PATH)? == errors::render()?, "{} is out of date: cargo xtask errors", errors::PATH);
    Ok(())
}
