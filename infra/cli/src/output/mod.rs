//! Standard output: a table, JSON, YAML or names.

mod notes;
pub mod style;
mod table;
mod time;

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::Value;

pub use self::notes::{draws, note};
pub use self::table::{Table, plain};
pub use self::time::span;

use crate::api::Request;
use crate::cli::Global;
use crate::error::Error;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// What the API answered, or what `ivory schema` says.
    Json,
    /// The same as YAML.
    Yaml,
    /// Only names, one per line.
    Name,
}

/// Standard output.
#[derive(Debug)]
pub struct Output {
    format: Format,
    absolute_times: bool,
    now: Timestamp,
}

impl Output {
    pub fn new(global: &Global) -> Self {
        let by_itself = if std::io::stdout().is_terminal() { Format::Table } else { Format::Json };
        let format = global.output.unwrap_or(by_itself);
        Self { format, absolute_times: global.absolute_times, now: Timestamp::now() }
    }

    /// Whether people read it.
    pub fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Prints a value: all of it for machines, the field `name` of it or of its items as names, what `table` makes of it for
    /// people.
    pub fn value(&self, value: &Value, name: &str, table: impl FnOnce(&Self) -> String) -> Result<(), Error> {
        let text = match self.format {
            Format::Table => table(self),
            Format::Json => serde_json::to_string_pretty(value).map_err(Error::system)?,
            Format::Yaml => serde_saphyr::to_string(value).map_err(Error::system)?,
            Format::Name => match value {
                Value::Array(items) => items.iter().map(|item| named(item, name)).collect::<Vec<_>>().join("\n"),
                item => named(item, name),
            },
        };
        if text.is_empty() {
            return Ok(());
        }
        match say(&text) {
            // What a command has done, its exit code says.
            Err(Error::Closed) => Ok(()),
            said => said,
        }
    }

    /// Prints one of several values: a line of JSON, a document of YAML, or a line for people.
    pub fn event(&self, value: &Value, name: &str, line: impl FnOnce() -> String) -> Result<(), Error> {
        say(&match self.format {
            Format::Table => line(),
            Format::Json => value.to_string(),
            Format::Yaml => format!("---\n{}", serde_saphyr::to_string(value).map_err(Error::system)?),
            Format::Name => named(value, name),
        })
    }

    /// Shows a request that is not sent.
    pub fn request(&self, request: &Request) -> Result<(), Error> {
        let shown = request.shown();
        self.value(&shown, "path", |_| {
            let line = format!("{} {}", text(&shown, "method"), text(&shown, "path"));
            if shown["body"].is_null() { line } else { format!("{line}\n{:#}", shown["body"]) }
        })
    }

    /// A moment as people read it: how long ago it was, or when.
    pub fn when(&self, value: &Value) -> String {
        let Some(moment) = value.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else {
            return String::new();
        };
        if self.absolute_times { time::absolute(moment) } else { time::relative(moment, self.now) }
    }
}

/// A field's text; empty if it is null.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A field as a name: one line, so that `xargs` takes it for one.
fn named(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::String(text) => plain(text),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// Writes a line.
pub fn say(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout();
    let written = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Error::Closed,
        _ => Error::Unforeseen(format!("cannot write the output: {error}")),
    })
}
