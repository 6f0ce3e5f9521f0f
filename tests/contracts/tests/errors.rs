//! `functions/api/ERRORS.md` is what the tables of problems and causes say.

use anyhow::Result;
use contracts::{errors, read};

#[test]
fn the_document_is_up_to_date() -> Result<()> {
    assert!(read(errors::PATH)? == errors::render()?, "{} is out of date: cargo xtask errors", errors::PATH);
    Ok(())
}
