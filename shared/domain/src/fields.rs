//! Reads a JSON object field by field and collects all errors, so that the caller gets every mistake in one answer.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::credentials;

/// One field that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name as the caller wrote it. One that is not known is cut if it is long.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The most unknown fields that are named.
const MOST_UNKNOWN: usize = 100;
/// How many characters of an unknown name are shown.
const LONGEST_SHOWN: usize = 64;
/// One letter in so many may be another one in a name that is taken for a known one.
const LETTERS_PER_MISTAKE: usize = 3;

/// The known name that was probably meant: the same but for its form, one that it is a word of, or one that differs in few
/// of its letters. Names that are too long or too short for that are not compared, which takes time.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let start: String = name.chars().take(2 * LONGEST_SHOWN).collect();
    let (meant, length) = (plain(&start), plain(&start).chars().count());
    let mut holding = known.iter().filter(|known| known.split('_').any(|word| word == meant));
    if let (Some(known), None) = (holding.next(), holding.next()) {
        return Some(known);
    }
    let distances = known.iter().filter_map(|known| {
        let other = plain(known);
        let most = length.min(other.len()) / LETTERS_PER_MISTAKE;
        let comparable = other.len().abs_diff(length) <= most;
        let distance = comparable.then(|| strsim::damerau_levenshtein(&other, &meant))?;
        (distance <= most).then_some((distance, *known))
    });
    distances.min().map(|(_, known)| known)
}

/// A name as an answer may show it: not all of a long one, and none that holds a credential.
fn shown(name: &str) -> String {
    let start: String = name.chars().take(LONGEST_SHOWN).collect();
    if credentials::in_text(name) {
        "(a field)".to_owned()
    } else if start.len() < name.len() {
        format!("{start}…")
    } else {
        start
    }
}

/// What a request does with a value that exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field is absent. The value stays.
    Keep,
    /// `null`. The value is removed.
    Clear,
    /// A new value.
    Set(T),
}

/// A closed JSON object being read.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts reading. A field that is not `known` is an error, which suggests the nearest known name.
    #[must_use]
    pub fn new(object: &'a Map<String, Value>, known: &[&str]) -> Self {
        let mut fields = Self { object, errors: Vec::new() };
        let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        for name in unknown.take(MOST_UNKNOWN) {
            let message = match nearest(name, known) {
                Some(known) => format!("is not a known field; did you mean {known}?"),
                None => format!("is not a known field; known are {}", known.join(", ")),
            };
            fields.fail(name, message);
        }
        fields
    }

    /// Records an error. The name may be one that the caller made up.
    pub fn fail(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: shown(field), message: message.into() });
    }

    /// Whether a field is present, with any value.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// A required string, which must parse.
    pub(crate) fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if matches!(self.object.get(name), None | Some(Value::Null)) {
            self.fail(name, "is required");
            return None;
        }
        self.optional(name)
    }

    /// An optional string, which must parse if it is present.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let Value::String(text) = self.object.get(name)? else {
            self.fail(name, "must be a string");
            return None;
        };
        text.parse().map_err(|error: T::Err| self.fail(name, error.to_string())).ok()
    }

    /// An optional string, for which `null` means the same as absent.
    pub(crate) fn nullable<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if self.object.get(name)?.is_null() { None } else { self.optional(name) }
    }

    /// A string that may be absent, `null`, or must parse. All three have different meanings.
    pub(crate) fn patch<T: FromStr<Err: Display>>(&mut self, name: &str) -> Patch<T> {
        match self.object.get(name) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            // An error was recorded, so the value given here is never used.
            Some(_) => self.optional(name).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// An optional `true` or `false`.
    pub(crate) fn optional_bool(&mut self, name: &str) -> Option<bool> {
        let value = self.object.get(name)?.as_bool();
        if value.is_none() {
            self.fail(name, "must be true or false");
        }
        value
    }

    /// An optional object of any content, at most `max_bytes` as JSON.
    pub(crate) fn optional_object(&mut self, name: &str, max_bytes: usize) -> Option<Map<String, Value>> {
        let Value::Object(object) = self.object.get(name)? else {
            self.fail(name, "must be an object");
            return None;
        };
        if serde_json::to_vec(object).is_ok_and(|json| json.len() > max_bytes) {
            self.fail(name, format!("must have {max_bytes} bytes at most, written as JSON"));
            return None;
        }
        if credentials::in_object(object) {
            self.fail(name, credentials::FOUND.0);
            return None;
        }
        Some(object.clone())
    }

    /// An optional array of at most `max_items` different strings. Each string must parse.
    pub(crate) fn optional_set<T: FromStr<Err: Display> + PartialEq>(
        &mut self,
        name: &str,
        max_items: usize,
    ) -> Option<Vec<T>> {
        let Value::Array(values) = self.object.get(name)? else {
            self.fail(name, "must be an array of strings");
            return None;
        };
        if values.len() > max_items {
            self.fail(name, format!("must have {max_items} items at most"));
            return None;
        }
        let mut items = Vec::with_capacity(values.len());
        for (number, value) in (1..).zip(values) {
            let item = value.as_str().ok_or_else(|| "must be a string".to_owned());
            let item = item.and_then(|text| text.parse::<T>().map_err(|error| error.to_string()));
            let item =
                item.and_then(|item| if items.contains(&item) { Err("was named before".to_owned()) } else { Ok(item) });
            match item {
                Ok(item) => items.push(item),
                Err(message) => self.fail(name, format!("has an item {number} that {message}")),
            }
        }
        Some(items)
    }

    /// The same, but there has to be one at least.
    pub(crate) fn required_set<T: FromStr<Err: Display> + PartialEq>(
        &mut self,
        name: &str,
        max_items: usize,
    ) -> Option<Vec<T>> {
        match self.object.get(name) {
            None | Some(Value::Null) => self.fail(name, "is required"),
            Some(Value::Array(values)) if values.is_empty() => self.fail(name, "must have one item at least"),
            Some(_) => return self.optional_set(name, max_items),
        }
        None
    }

    /// A required confirmation: any value but `true` is an error.
    pub(crate) fn must_be_true(&mut self, name: &str) {
        match self.object.get(name) {
            Some(Value::Bool(true)) => {}
            None | Some(Value::Null) => self.fail(name, "is required"),
            Some(_) => self.fail(name, "must be true"),
        }
    }

    /// Ends reading. Returns all errors if there are any.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_one_that_could_have_been_meant() {
        const KNOWN: &[&str] =
            &["slug", "display_name", "region", "tier", "admin_email", "provisioning_state", "limit"];
        for (name, meant) in [
            ("slg", "slug"),
            ("Slug", "slug"),
            ("teir", "tier"),
            ("displayName", "display_name"),
            ("display-name", "display_name"),
            ("dispaly_nmae", "display_name"),
            ("email", "admin_email"),
            ("STATE", "provisioning_state"),
            ("regoin", "region"),
            ("limits", "limit"),
        ] {
            assert_eq!(nearest(name, KNOWN), Some(meant), "{name}");
        }
        for name in ["plan", "bar", "foo", "x", "", "a", "domain", "time", &"slug".repeat(100_000), "\u{1f600}"] {
            assert_eq!(nearest(name, KNOWN), None, "{name:.20}");
        }
        // A word of two known names means neither.
        assert_eq!(nearest("name", &["display_name", "catalog_name"]), None);
    }
}
