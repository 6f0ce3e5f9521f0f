//! Reads a JSON object field by field and remembers everything that is wrong with it, so that a caller hears of all
//! mistakes at once.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One field that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name as the caller wrote it.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A closed JSON object being read.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts reading; every field that is not among `known` is an error, with the nearest known name suggested.
    #[must_use]
    pub fn new(object: &'a Map<String, Value>, known: &[&str]) -> Self {
        let mut fields = Self { object, errors: Vec::new() };
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let nearest = known.iter().map(|k| (strsim::damerau_levenshtein(k, name), k)).min();
            let message = match nearest {
                Some((distance, known)) if distance <= 3 => format!("is not a known field; did you mean {known}?"),
                _ => "is not a known field".to_owned(),
            };
            fields.fail(name, message);
        }
        fields
    }

    /// Notes an error.
    pub fn fail(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// A string that must be there and parse.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if matches!(self.object.get(name), None | Some(Value::Null)) {
            self.fail(name, "is required");
            return None;
        }
        self.optional(name)
    }

    /// A string that may be absent, but must parse if it is there.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let Value::String(text) = self.object.get(name)? else {
            self.fail(name, "must be a string");
            return None;
        };
        text.parse().map_err(|error: T::Err| self.fail(name, error.to_string())).ok()
    }

    /// A confirmation: anything but `true` is an error.
    pub fn must_be_true(&mut self, name: &str) {
        match self.object.get(name) {
            Some(Value::Bool(true)) => {}
            None | Some(Value::Null) => self.fail(name, "is required"),
            Some(_) => self.fail(name, "must be true"),
        }
    }

    /// Ends reading: everything that was wrong, if anything was.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}
