//! The parts of this package's `README.md` that are generated.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::matrix::Verdict;
use crate::storm::Outcome;
use crate::table::{Table, columns};

/// A smaller storm is not written down.
const STORM: usize = 200;
/// The same of one during which dependencies are taken away.
const WITH_OUTAGES: usize = 1_000;

/// Writes down the matrix, of which these cells were played last.
pub fn write_matrix(table: &Table, verdicts: &[Verdict]) -> Result<()> {
    write("matrix", &format!("{}\n{table}\n{}.\n", columns(), table.counts(verdicts)))
}

/// The matrix that is written down.
pub fn matrix() -> Result<Table> {
    Ok(Table::read(&fs::read_to_string(path()).with_context(|| format!("reading {}", path().display()))?))
}

/// Writes down a storm, if it was large enough.
pub fn write_storm(outcome: &Outcome) -> Result<()> {
    let (part, least) = if outcome.outages > 0 { ("outages", WITH_OUTAGES) } else { ("storm", STORM) };
    if outcome.tenants < least { Ok(()) } else { write(part, &format!("{outcome}.\n")) }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn write(part: &str, text: &str) -> Result<()> {
    let path = path();
    let old = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let new = replaced(&old, part, text).with_context(|| format!("{} has no part `{part}`", path.display()))?;
    fs::write(&path, new).with_context(|| format!("writing {}", path.display()))
}

/// The file with another text between the markers of a part; `None` if the markers are missing.
fn replaced(file: &str, part: &str, text: &str) -> Option<String> {
    let (begin, end) =
        (format!("<!-- begin {part}: written by cargo xtask faults -->\n"), format!("<!-- end {part} -->"));
    let (before, rest) = file.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Row;

    const README: &str = include_str!("../README.md");

    #[test]
    fn only_the_part_between_the_markers_is_replaced() {
        let new = replaced(README, "storm", "Calm.\n").expect("the markers");
        assert!(new.contains("\n\nCalm.\n\n"), "{new}");
        let storm = replaced(README, "storm", "").expect("the markers");
        assert_eq!(replaced(&new, "storm", "").as_ref(), Some(&storm));
        assert!(replaced(README, "outages", "").is_some());
        assert_eq!(replaced(README, "drizzle", "Calm.\n"), None);
    }

    #[test]
    fn the_columns_and_rows_are_those_of_the_matrix() {
        assert!(README.contains(&columns()), "`cargo xtask faults` writes this table:\n{}", columns());
        for (actor, name) in Row::all().map(Row::name) {
            assert!(
                README.contains(&format!("| {actor} | {name} |")),
                "`cargo xtask faults` has not played {actor}, {name}"
            );
        }
    }
}
