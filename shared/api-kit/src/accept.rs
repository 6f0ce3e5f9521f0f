//! In which form a caller wants an answer (`Accept`, RFC 9110, 12.5.1).

use crate::Request;

/// The forms of a list that has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What everybody gets who does not ask for something else.
    Json,
    /// Lines for a spreadsheet.
    Csv,
}

impl Form {
    /// CSV for whoever prefers it to JSON. Who accepts neither gets JSON, as of every other route.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let Ok(Some(accept)) = request.list_header("accept") else { return Self::Json };
        if prefers_csv(&accept) { Self::Csv } else { Self::Json }
    }
}

fn prefers_csv(accept: &str) -> bool {
    let (csv, json) = (wish(accept, "text/csv"), wish(accept, "application/json"));
    csv.0 > 0 && csv > json
}

/// How much a caller wants this media type, in thousandths: what the most specific range says that it is in. Of two that are wanted as
/// much, the one that is named more clearly is wanted more.
fn wish(accept: &str, media_type: &str) -> (u16, u8) {
    let whole = media_type.split('/').next().unwrap_or_default();
    let of_range = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let specific = match name.split_once('/')? {
            ("*", "*") => 0,
            (kind, "*") if kind == whole => 1,
            _ if name == media_type => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((weight.map_or(Some(1000), thousandths)?, specific))
    };
    accept.split(',').filter_map(of_range).max_by_key(|(_, specific)| *specific).unwrap_or_default()
}

/// `0` to `1` with up to three digits.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let whole: u16 = whole.parse().ok()?;
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole * 1000 + fraction).filter(|weight| *weight <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_prefers_csv_gets_it() {
        for accept in [
            "text/csv",
            "TEXT/CSV",
            "text/*",
            "text/csv;header=present",
            "text/csv, */*;q=0.1",
            "text/csv, application/json;q=0.9",
            "application/json;q=0.5 , text/csv;q=0.75",
            "text/csv, text/*;q=0.1",
            "text/csv, */*",
            "application/*, text/csv",
            "text/html, text/csv;q=0.001",
            "*/*;q=0.1, text/csv; q=0.2",
        ] {
            assert!(prefers_csv(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/*",
            "application/json, text/csv",
            "text/csv, application/json",
            "text/csv;q=0",
            "text/csv;q=0, */*",
            "text/csv;q=1.001",
            "text/csv;q=x",
            "text/html",
            "csv",
            "text/*;q=0.5, text/csv;q=0",
        ] {
            assert!(!prefers_csv(accept), "{accept}");
        }
    }
}
