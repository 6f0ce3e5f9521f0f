//! `functions/api/ERRORS.md` matches the tables of problems and causes.

use anyhow::Result;
use contracts::{errors, read};
use domain::{CauseCode, Fact};

#[test]
fn the_document_is_up_to_date() -> Result<()> {
    assert!(read(errors::PATH)? == errors::render()?, "{} is out of date: cargo xtask errors", errors::PATH);
    Ok(())
}

/// Each `{…}` of a hint is a gap that somebody fills. What is not known is written `<…>`, which a rendered document shows.
#[test]
fn every_gap_in_a_hint_is_filled() -> Result<()> {
    let document = errors::render()?;
    let open: Vec<_> = CauseCode::ALL
        .iter()
        .map(|code| code.row().hint)
        .filter(|hint| {
            let known = Fact::ALL.iter().map(|fact| fact.gap()).chain(["{}"]);
            known.fold((*hint).to_owned(), |hint, gap| hint.replace(gap, "")).contains(['{', '}', '<', '>'])
        })
        .collect();
    assert_eq!(open, [""; 0]);
    for unnamed in Fact::ALL.map(Fact::unnamed) {
        assert!(!document.contains(&unnamed), "{unnamed}");
    }
    Ok(())
}
