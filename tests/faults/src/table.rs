//! The matrix as text.

use std::fmt::Write as _;

use crate::fault::COLUMNS;
use crate::matrix::{Row, Verdict};

/// What the columns mean, as a table in GitHub's Markdown.
#[must_use]
pub fn columns() -> String {
    let rows = COLUMNS.iter().map(|column| format!("| `{}` | {} |\n", column.heading, column.meaning));
    format!("| column | what happens |\n|---|---|\n{}", rows.collect::<String>())
}

/// The cells that were played, as a table in GitHub's Markdown. It has a row for each effect that was met. A blank cell
/// was not played.
#[must_use]
pub fn table(verdicts: &[Verdict]) -> String {
    let headings = COLUMNS.map(|column| column.heading);
    let mut text = format!("| | | {} |\n|---|---|{}\n", headings.join(" | "), "---|".repeat(headings.len()));
    for row in Row::all() {
        let (actor, name) = row.name();
        let of_row: Vec<&Verdict> = verdicts.iter().filter(|v| v.cell.row.name() == row.name()).collect();
        if of_row.is_empty() {
            continue;
        }
        let cells = COLUMNS.map(|column| {
            if !row.can_meet(column.fault) {
                return "-";
            }
            of_row.iter().find(|verdict| verdict.cell.fault == column.fault).map_or("", |verdict| mark(verdict))
        });
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {actor} | {name} | {} |", cells.join(" | "));
    }
    text
}

fn mark(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict { red: Some(_), .. } => "RED",
        Verdict { second_mail: true, .. } => "2✉",
        Verdict { posts: 0, .. } => "+",
        Verdict { .. } => "+1",
    }
}

/// The totals.
#[must_use]
pub fn counts(verdicts: &[Verdict]) -> String {
    let red = verdicts.iter().filter(|verdict| verdict.red.is_some()).count();
    let posts = verdicts.iter().filter(|verdict| verdict.posts > 0).count();
    let mails = verdicts.iter().filter(|verdict| verdict.second_mail).count();
    let doubled: usize = verdicts.iter().map(|verdict| verdict.doubled).sum();
    let lost: usize = verdicts.iter().map(|verdict| verdict.lost).sum();
    format!(
        "{} cells: {} green, {red} red; duplicates {doubled}, lost {lost}; {posts} took one more POST, {mails} a second mail",
        verdicts.len(),
        verdicts.len() - red
    )
}
