//! The matrix as text.

use std::fmt;

use crate::fault::COLUMNS;
use crate::matrix::{Cell, Row, Verdict};

const RED: &str = "RED";
const ANOTHER_POST: &str = "+1";
const SECOND_MAIL: &str = "2✉";
const IMPOSSIBLE: &str = "-";
const NOT_PLAYED: &str = "";
const MARKS: [&str; 6] = [RED, ANOTHER_POST, SECOND_MAIL, IMPOSSIBLE, NOT_PLAYED, "+"];

/// What the columns mean, as a table in GitHub's Markdown.
#[must_use]
pub fn columns() -> String {
    let rows = COLUMNS.iter().map(|column| format!("| `{}` | {} |\n", column.heading, column.meaning));
    format!("| column | what happens |\n|---|---|\n{}", rows.collect::<String>())
}

/// A mark for each cell of the rows that were played. Its text is a table in GitHub's Markdown.
#[derive(Clone, Debug)]
pub struct Table(Vec<(Row, [&'static str; COLUMNS.len()])>);

impl Table {
    /// The table of these cells.
    #[must_use]
    pub fn of(verdicts: &[Verdict]) -> Self {
        let rows = Row::all().filter(|row| verdicts.iter().any(|verdict| verdict.cell.row.name() == row.name()));
        let blank = |row: Row| COLUMNS.map(|column| if row.can_meet(column.fault) { NOT_PLAYED } else { IMPOSSIBLE });
        let mut table = Self(rows.map(|row| (row, blank(row))).collect());
        table.set(verdicts);
        table
    }

    /// Reads a table that was written down.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let written = |row: Row| {
            let begin = beginning(row);
            let marks: Vec<&str> =
                text.lines().find_map(|line| line.strip_prefix(&begin))?.split('|').map(str::trim).collect();
            let known = |mark: &&str| MARKS.into_iter().find(|known| known == mark).unwrap_or(NOT_PLAYED);
            let marks: Vec<&'static str> = marks.iter().take(COLUMNS.len()).map(known).collect();
            Some((row, marks.try_into().ok()?))
        };
        Self(Row::all().filter_map(written).collect())
    }

    /// Marks cells that were played again.
    pub fn set(&mut self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let row = self.0.iter_mut().find(|(row, _)| row.name() == verdict.cell.row.name());
            let column = COLUMNS.iter().position(|column| column.fault == verdict.cell.fault);
            if let (Some((_, marks)), Some(column)) = (row, column) {
                marks[column] = mark(verdict);
            }
        }
    }

    /// The red cells.
    #[must_use]
    pub fn red(&self) -> Vec<Cell> {
        let cells = self.0.iter().flat_map(|(row, marks)| COLUMNS.iter().zip(marks).map(|it| (*row, it)));
        cells
            .filter(|(_, (_, mark))| **mark == RED)
            .map(|(row, (column, _))| Cell { row, fault: column.fault })
            .collect()
    }

    /// The totals. These are the cells that were played last.
    #[must_use]
    pub fn counts(&self, verdicts: &[Verdict]) -> String {
        let of = |mark: &str| self.0.iter().flat_map(|(_, marks)| marks).filter(|found| **found == mark).count();
        let played = self.0.len() * COLUMNS.len() - of(IMPOSSIBLE) - of(NOT_PLAYED);
        let doubled: usize = verdicts.iter().map(|verdict| verdict.doubled).sum();
        let lost: usize = verdicts.iter().map(|verdict| verdict.lost).sum();
        format!(
            "{played} cells: {} green, {} red; duplicates {doubled}, lost {lost}; {} took one more POST, {} a second mail",
            played - of(RED),
            of(RED),
            of(ANOTHER_POST),
            of(SECOND_MAIL)
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = COLUMNS.map(|column| column.heading);
        writeln!(f, "| | | {} |\n|---|---|{}", headings.join(" | "), "---|".repeat(headings.len()))?;
        for (row, marks) in &self.0 {
            writeln!(f, "{}{} |", beginning(*row), marks.join(" | "))?;
        }
        Ok(())
    }
}

fn beginning(row: Row) -> String {
    let (actor, name) = row.name();
    format!("| {actor} | {name} | ")
}

fn mark(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict { red: Some(_), .. } => RED,
        Verdict { second_mail: true, .. } => SECOND_MAIL,
        Verdict { posts: 0, .. } => "+",
        Verdict { .. } => ANOTHER_POST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(cell: Cell, red: Option<&str>) -> Verdict {
        let red = red.map(str::to_owned);
        Verdict { cell, posts: 0, second_mail: false, doubled: usize::from(red.is_some()), lost: 0, red }
    }

    #[test]
    fn what_was_red_and_is_played_again_gets_its_new_mark() {
        let row = Row::all().next().expect("a row");
        let possible = COLUMNS.iter().filter(|column| row.can_meet(column.fault));
        let cells: Vec<Cell> = possible.map(|column| Cell { row, fault: column.fault }).collect();
        let verdicts: Vec<Verdict> =
            cells.iter().enumerate().map(|(n, cell)| played(*cell, (n == 2).then_some("lost"))).collect();
        let table = Table::of(&verdicts);
        let mut written = Table::read(&format!("Words.\n\n{table}\nMore words.\n"));
        assert_eq!(written.to_string(), table.to_string());
        assert!(table.counts(&verdicts).starts_with(&format!(
            "{} cells: {} green, 1 red; duplicates 1,",
            cells.len(),
            cells.len() - 1
        )));

        let red = written.red();
        assert_eq!(red.iter().map(|cell| cell.name()).collect::<Vec<_>>(), [cells[2].name()]);
        let again = [played(red[0], None)];
        written.set(&again);
        assert_eq!(written.red().len(), 0);
        assert!(written.counts(&again).contains(" green, 0 red; duplicates 0,"), "{}", written.counts(&again));
    }
}
