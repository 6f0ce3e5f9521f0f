//! Form-encoded parameters with nesting in brackets (`items[0][price]`, `metadata[tenant_id]`, `lookup_keys[]`).
//!
//! A route takes every parameter that it knows. Parameters that are left over are unknown.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::error::ApiError;
use crate::model::{Metadata, MetadataPatch};

/// Stripe's limits on metadata: keys per object, characters per key, characters per value.
const METADATA_KEYS: usize = 50;
const METADATA_KEY_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Leaf(String),
    Branch(BTreeMap<String, Node>),
}

/// A parameter that may be left out, set, or unset by an empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Absent,
    Empty,
    Value(String),
}

impl Field {
    /// Changes an attribute accordingly.
    pub(crate) fn apply(self, attribute: &mut Option<String>) {
        match self {
            Self::Absent => {}
            Self::Empty => *attribute = None,
            Self::Value(value) => *attribute = Some(value),
        }
    }
}

/// The parameters of one request, or of one nested object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    nodes: BTreeMap<String, Node>,
    /// Where this object is, e.g. `items[0]`; empty for the request itself.
    at: String,
}

impl Params {
    pub(crate) fn parse(form: &[u8]) -> Result<Self, ApiError> {
        let mut nodes = BTreeMap::new();
        for (key, value) in url::form_urlencoded::parse(form) {
            let Some(path) = path_of(&key) else {
                return Err(ApiError::unknown_parameters(&[key.into_owned()]));
            };
            insert(&mut nodes, &path, value.into_owned())
                .map_err(|()| ApiError::invalid(format!("Contradictory values for {key}")).param(key.as_ref()))?;
        }
        Ok(Self { nodes, at: String::new() })
    }

    /// An error for every parameter that was not taken.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let mut unknown = Vec::new();
        for (key, node) in &self.nodes {
            leaves(&self.name(key), node, &mut unknown);
        }
        if unknown.is_empty() { Ok(()) } else { Err(ApiError::unknown_parameters(&unknown)) }
    }

    /// A scalar of at most `max` characters.
    pub(crate) fn field(&mut self, key: &str, max: usize) -> Result<Field, ApiError> {
        let name = self.name(key);
        match self.nodes.remove(key) {
            None => Ok(Field::Absent),
            Some(Node::Branch(_)) => Err(ApiError::invalid("Invalid string").param(name)),
            Some(Node::Leaf(value)) if value.is_empty() => Ok(Field::Empty),
            Some(Node::Leaf(value)) if value.chars().count() > max => {
                let message = format!("Invalid string: must be at most {max} characters");
                Err(ApiError::invalid(message).param(name))
            }
            Some(Node::Leaf(value)) => Ok(Field::Value(value)),
        }
    }

    /// A scalar that must not be empty.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, ApiError> {
        match self.field(key, 5_000)? {
            Field::Absent => Ok(None),
            Field::Value(value) => Ok(Some(value)),
            Field::Empty => {
                let message = format!(
                    "You passed an empty string for '{0}'. We assume empty values are an attempt to unset a \
                     parameter; however '{0}' cannot be unset.",
                    self.name(key)
                );
                Err(ApiError::invalid(message).code("parameter_invalid_empty").param(self.name(key)))
            }
        }
    }

    /// A scalar that must be there.
    pub(crate) fn required(&mut self, key: &str) -> Result<String, ApiError> {
        self.text(key)?.ok_or_else(|| missing(&self.name(key)))
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Result<Option<bool>, ApiError> {
        match self.text(key)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::invalid(format!("Invalid boolean: {other}")).param(self.name(key))),
        }
    }

    pub(crate) fn integer(&mut self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let name = self.name(key);
        let fail = |message: String| ApiError::invalid(message).code("parameter_invalid_integer").param(name);
        match text.parse::<u64>() {
            Err(_) => Err(fail(format!("Invalid integer: {text}"))),
            Ok(number) if number < *range.start() => {
                Err(fail(format!("This value must be greater than or equal to {}.", range.start())))
            }
            Ok(number) if number > *range.end() => {
                Err(fail(format!("This value must be less than or equal to {}.", range.end())))
            }
            Ok(number) => Ok(Some(number)),
        }
    }

    pub(crate) fn one_of(&mut self, key: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let found = allowed.iter().copied().find(|value| *value == text);
        found.map(Some).ok_or_else(|| {
            let name = self.name(key);
            ApiError::invalid(format!("Invalid {name}: must be one of {}", allowed.join(", "))).param(name)
        })
    }

    /// A list of scalars, at most `max`.
    pub(crate) fn texts(&mut self, key: &str, max: usize) -> Result<Vec<String>, ApiError> {
        let name = self.name(key);
        let invalid = |message: &str| ApiError::invalid(message).param(name.clone());
        let Some(node) = self.nodes.remove(key) else { return Ok(Vec::new()) };
        let Node::Branch(entries) = node else { return Err(invalid("Invalid array")) };
        if entries.len() > max {
            return Err(invalid(&format!("Array too long: at most {max} entries")));
        }
        let scalar = |(_, node): (u32, Node)| match node {
            Node::Leaf(value) => Ok(value),
            Node::Branch(_) => Err(invalid("Invalid array")),
        };
        in_order(entries).ok_or_else(|| invalid("Invalid array"))?.into_iter().map(scalar).collect()
    }

    /// A list of at most 20 objects. `read` takes the parameters of one; any other is unknown.
    pub(crate) fn rows<T>(
        &mut self,
        key: &str,
        read: impl Fn(&mut Self) -> Result<T, ApiError>,
    ) -> Result<Vec<T>, ApiError> {
        let name = self.name(key);
        let Some(node) = self.nodes.remove(key) else { return Ok(Vec::new()) };
        let invalid = |message: &str| ApiError::invalid(message).param(name.clone());
        let Node::Branch(entries) = node else { return Err(invalid("Invalid array")) };
        if entries.len() > 20 {
            return Err(invalid("Array too long: at most 20 entries"));
        }
        let row = |(index, node): (u32, Node)| match node {
            Node::Branch(nodes) => {
                let mut row = Self { nodes, at: format!("{name}[{index}]") };
                let value = read(&mut row)?;
                row.finish()?;
                Ok(value)
            }
            Node::Leaf(_) => Err(invalid("Invalid array")),
        };
        in_order(entries).ok_or_else(|| invalid("Invalid array"))?.into_iter().map(row).collect()
    }

    /// Whether there is `recurring[interval]=month`, the only interval here.
    pub(crate) fn recurring(&mut self) -> Result<bool, ApiError> {
        let name = self.name("recurring");
        match self.nodes.remove("recurring") {
            None => Ok(false),
            Some(Node::Leaf(_)) => Err(ApiError::invalid("Invalid object").param(name)),
            Some(Node::Branch(nodes)) => {
                let mut inner = Self { nodes, at: name };
                inner.one_of("interval", &["month"])?.ok_or_else(|| missing(&inner.name("interval")))?;
                inner.finish().map(|()| true)
            }
        }
    }

    pub(crate) fn metadata(&mut self) -> Result<MetadataPatch, ApiError> {
        let name = self.name("metadata");
        match self.nodes.remove("metadata") {
            None => Ok(MetadataPatch::default()),
            Some(Node::Leaf(value)) if value.is_empty() => Ok(MetadataPatch { clear: true, entries: Metadata::new() }),
            Some(Node::Leaf(_)) => Err(ApiError::invalid("Invalid object").param(name)),
            Some(Node::Branch(nodes)) => {
                let entry = |(key, node): (String, Node)| metadata_entry(&name, key, node);
                let entries = nodes.into_iter().map(entry).collect::<Result<Metadata, _>>()?;
                if entries.len() > METADATA_KEYS {
                    let message = format!("Metadata can have at most {METADATA_KEYS} keys");
                    return Err(ApiError::invalid(message).param(name));
                }
                Ok(MetadataPatch { clear: false, entries })
            }
        }
    }

    /// Where this object is within the request, e.g. `items[0]`.
    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// The parameter's full name, for messages.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}[{key}]", self.at) }
    }
}

pub(crate) fn missing(name: &str) -> ApiError {
    ApiError::invalid(format!("Missing required param: {name}.")).code("parameter_missing").param(name)
}

fn metadata_entry(name: &str, key: String, node: Node) -> Result<(String, String), ApiError> {
    let at = format!("{name}[{key}]");
    let invalid = |message: String| ApiError::invalid(message).param(at.clone());
    let Node::Leaf(value) = node else { return Err(invalid("Invalid string".to_owned())) };
    if key.chars().count() > METADATA_KEY_CHARS {
        return Err(invalid(format!("Metadata keys must be at most {METADATA_KEY_CHARS} characters")));
    }
    if value.chars().count() > METADATA_VALUE_CHARS {
        return Err(invalid(format!("Metadata values must be at most {METADATA_VALUE_CHARS} characters")));
    }
    Ok((key, value))
}

/// The entries by their index, if every key is one.
fn in_order(entries: BTreeMap<String, Node>) -> Option<Vec<(u32, Node)>> {
    let mut entries =
        entries.into_iter().map(|(key, node)| Some((key.parse().ok()?, node))).collect::<Option<Vec<(u32, Node)>>>()?;
    entries.sort_by_key(|(index, _)| *index);
    Some(entries)
}

/// `a[b][]` → `["a", "b", ""]`, if the brackets match.
fn path_of(key: &str) -> Option<Vec<&str>> {
    let (head, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    let mut path = vec![head];
    while !rest.is_empty() {
        let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(inner);
        rest = after;
    }
    let well_formed = !head.is_empty() && path.iter().all(|part| !part.contains(['[', ']']));
    well_formed.then_some(path)
}

/// Fails if a name would be both a value and an object, or have two values.
fn insert(nodes: &mut BTreeMap<String, Node>, path: &[&str], value: String) -> Result<(), ()> {
    let (head, rest) = path.split_first().ok_or(())?;
    let key = if head.is_empty() { nodes.len().to_string() } else { (*head).to_owned() };
    if rest.is_empty() {
        return match nodes.insert(key, Node::Leaf(value)) {
            None => Ok(()),
            Some(_) => Err(()),
        };
    }
    match nodes.entry(key).or_insert_with(|| Node::Branch(BTreeMap::new())) {
        Node::Branch(inner) => insert(inner, rest, value),
        Node::Leaf(_) => Err(()),
    }
}

fn leaves(name: &str, node: &Node, into: &mut Vec<String>) {
    match node {
        Node::Leaf(_) => into.push(name.to_owned()),
        Node::Branch(nodes) => nodes.iter().for_each(|(key, node)| leaves(&format!("{name}[{key}]"), node, into)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_read_and_what_is_left_over_is_named() {
        let mut params = Params::parse(b"items[0][price]=p1&items[0][foo]=x&metadata%5Ba%5D=1").expect("a form");
        assert_eq!(params.metadata().expect("metadata").entries, Metadata::from([("a".to_owned(), "1".to_owned())]));
        let error = params.rows("items", |row| row.required("price")).expect_err("foo is unknown");
        assert_eq!(error, ApiError::unknown_parameters(&["items[0][foo]".to_owned()]));
    }

    #[test]
    fn both_array_notations_are_read() {
        for form in ["k[]=a&k[]=b", "k[0]=a&k[1]=b"] {
            let mut params = Params::parse(form.as_bytes()).expect("a form");
            assert_eq!(params.texts("k", 10).expect("texts"), ["a", "b"], "{form}");
        }
    }

    #[test]
    fn contradictions_and_loose_brackets_are_refused() {
        for form in ["a=1&a=2", "a=1&a[b]=2", "a[b=1", "[a]=1", "a]=1", "a[b]c=1"] {
            let refused = Params::parse(form.as_bytes()).and_then(Params::finish);
            assert!(refused.is_err(), "{form}");
        }
    }

    #[test]
    fn integers_have_bounds() {
        for (form, good) in [("n=1", true), ("n=100", true), ("n=0", false), ("n=101", false), ("n=x", false)] {
            let mut params = Params::parse(form.as_bytes()).expect("a form");
            assert_eq!(params.integer("n", 1..=100).is_ok(), good, "{form}");
        }
    }
}
