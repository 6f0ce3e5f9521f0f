//! The picture in `BENCHMARKS.md`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::figures::Figures;
use crate::report::{Measured, Results};
use crate::targets::Kind;

const WIDTH: u32 = 860;
const LEFT: u32 = 130;
/// The longest bar.
const LONGEST: f64 = 230.0;
const BAR: u32 = 18;
const STEP: u32 = 26;
const TITLE: u32 = 34;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}.n{text-anchor:end}";

/// One group of bars.
struct Panel {
    title: String,
    value: fn(&Measured) -> Option<f64>,
}

/// The first contest as an SVG: starts on the left, warm calls on the right; whole cores above, shares below.
pub fn of(results: &Results) -> Result<String> {
    let outcome = results.contests.first().context("nothing was measured")?;
    let measured: Vec<_> = outcome.measured.iter().filter(|one| one.kind != Kind::FloorWithoutTls).collect();
    let mut rows = vec![[
        Panel { title: "exec → first answer, whole cores".to_owned(), value: |one| Some(cold(&one.whole)) },
        Panel { title: "warm call, median, whole cores".to_owned(), value: |one| Some(warm(&one.whole)) },
    ]];
    if let Ok(share) = results.share {
        rows.push([
            Panel {
                title: format!("exec → first answer, {share:.3} of a core"),
                value: |one| one.shared.as_ref().map(cold),
            },
            Panel {
                title: format!("warm call, median, {share:.3} of a core"),
                value: |one| one.shared.as_ref().map(warm),
            },
        ]);
    }
    let bars = u32::try_from(measured.len())?;
    let row_height = TITLE + bars * STEP + 10;
    let height = row_height * u32::try_from(rows.len())? + 8;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{}: milliseconds\">\n<style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        outcome.route
    );
    for (row, panels) in (0..).zip(&rows) {
        for (column, panel) in (0..).zip(panels) {
            panel.draw(&mut svg, &measured, column * WIDTH / 2, row * row_height);
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn cold(figures: &Figures) -> f64 {
    figures.first_answer_ms
}

fn warm(figures: &Figures) -> f64 {
    figures.warm_p50_us / 1e3
}

impl Panel {
    fn draw(&self, svg: &mut String, measured: &[&Measured], x: u32, y: u32) {
        let longest = measured.iter().filter_map(|one| (self.value)(one)).fold(0.0, f64::max);
        let _ = writeln!(svg, "<text class=\"t\" x=\"{}\" y=\"{}\">{}</text>", x + 16, y + 22, self.title);
        for (number, one) in (0..).zip(measured) {
            let Some(value) = (self.value)(one) else { continue };
            let (top, length) = (y + TITLE + number * STEP, (LONGEST * value / longest).max(1.0));
            let colour = match one.kind {
                Kind::Ours => "#1a7f37",
                Kind::Floor | Kind::FloorWithoutTls => "#8c959f",
                Kind::Node => "#bf8700",
                Kind::Python => "#0969da",
            };
            let _ = writeln!(
                svg,
                "<text class=\"n\" x=\"{}\" y=\"{}\">{}</text><rect x=\"{}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR}\" \
                 fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{} ms</text>",
                x + LEFT - 8,
                top + 14,
                one.name,
                x + LEFT,
                f64::from(x + LEFT) + length + 6.0,
                top + 14,
                digits(value)
            );
        }
    }
}

fn digits(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}
