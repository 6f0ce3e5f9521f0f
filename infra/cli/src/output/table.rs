//! Tables that fit the terminal: columns side by side, or one field per line.

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};

use super::style;

/// The space between two columns.
const GAP: &str = "  ";
/// A column is cut to fit the terminal, but not below this.
const NARROWEST: usize = 8;

/// Rows of cells below a header.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    columns: usize,
    states: Option<usize>,
}

impl Table {
    /// A table with these columns.
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self { rows: vec![header.map(str::to_uppercase).to_vec()], columns: N, states: None }
    }

    /// The column that has words with a colour.
    pub fn with_states(self, column: usize) -> Self {
        Self { states: Some(column), ..self }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [&str; N]) {
        debug_assert_eq!(N, self.columns);
        self.rows.push(cells.map(plain).to_vec());
    }

    /// The table as text. A row that is too wide loses the end of its widest cells.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = (0..self.columns).map(|column| self.width(column)).collect();
        if let Some(limit) = width() {
            fit(&mut widths, limit.saturating_sub(GAP.len() * (self.columns.saturating_sub(1))));
        }
        let line = |(number, row): (usize, &Vec<String>)| {
            let cell = |(column, (cell, width)): (usize, (&String, &usize))| {
                let cut = truncate_str(cell, *width, "…");
                let is_state = self.states == Some(column) && number > 0;
                let shown = if is_state { style::of_state(cell, &cut) } else { cut.into_owned() };
                pad_str(&shown, *width, Alignment::Left, None).into_owned()
            };
            let cells: Vec<_> = row.iter().zip(&widths).enumerate().map(cell).collect();
            cells.join(GAP).trim_end().to_owned() + "\n"
        };
        self.rows.iter().enumerate().map(line).collect()
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0)
    }

    /// Fields of one thing, one per line. Those without a value are left out.
    pub fn record<const N: usize>(fields: [(&str, String); N]) -> String {
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let fields: Vec<_> = fields.collect();
        let width = fields.iter().map(|(name, _)| measure_text_width(name)).max().unwrap_or(0);
        let line = |(name, value): &(&str, String)| {
            format!("{}{GAP}{}\n", pad_str(name, width, Alignment::Left, None), plain(value))
        };
        fields.iter().map(line).collect()
    }
}

/// A text as one line that says nothing to the terminal, whatever somebody has put into it.
pub fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), " ")
}

/// The terminal's width; `COLUMNS` says another one. `None`: it is no terminal, and nothing is cut.
fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    said.or_else(|| Term::stdout().size_checked().map(|(_, columns)| columns.into()))
}

/// Takes from the widest columns until all fit.
fn fit(widths: &mut [usize], limit: usize) {
    while widths.iter().sum::<usize>() > limit {
        let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > NARROWEST) else { return };
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_lose_first() {
        let mut widths = [10, 40, 30];
        fit(&mut widths, 50);
        assert_eq!(widths, [10, 20, 20]);
        fit(&mut widths, 3);
        assert_eq!(widths, [NARROWEST; 3]);
    }

    #[test]
    fn a_field_without_a_value_is_left_out() {
        let text = Table::record([("slug", "acme".to_owned()), ("domain", String::new()), ("name", "A\nB".to_owned())]);
        assert_eq!(text, "slug  acme\nname  A B\n");
    }
}
