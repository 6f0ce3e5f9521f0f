//! The matrix as text.

use std::fmt::Write as _;

use crate::fault::FAULTS;
use crate::matrix::{Row, Verdict};

/// A table in GitHub's Markdown with a row for each effect that was met: `+` green, `+1` green with one more `POST`, `2✉`
/// green with a second mail that cannot be avoided, `RED`, blank: not played, `-`: cannot happen there.
#[must_use]
pub fn table(verdicts: &[Verdict]) -> String {
    let headings: Vec<&str> = FAULTS.iter().map(|(_, heading)| *heading).collect();
    let mut text = format!("| | | {} |\n|---|---|{}\n", headings.join(" | "), "---|".repeat(headings.len()));
    for row in Row::all() {
        let (actor, name) = row.name();
        let of_row: Vec<&Verdict> = verdicts.iter().filter(|v| v.cell.row.name() == row.name()).collect();
        if of_row.is_empty() {
            continue;
        }
        let cells = FAULTS.iter().map(|(fault, _)| {
            if !row.can_meet(*fault) {
                return "-";
            }
            of_row.iter().find(|verdict| verdict.cell.fault == *fault).map_or("", |verdict| mark(verdict))
        });
        let cells: Vec<&str> = cells.collect();
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

/// The line of counts at the end.
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
