//! How something that has one of a tenant's names differs from what we would create.

use std::fmt;

use domain::{Fact, word};
use serde_json::Value;

/// The difference, as a hint says it. The names of index and alias are gaps there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The alias leads to this index, which is another one.
    AliasElsewhere(String),
    /// An index has the alias's name.
    AliasIsIndex,
    /// An alias has the index's name.
    IndexIsAlias,
    /// A setting of the index or of its mapping has another value.
    Value {
        /// The setting.
        name: String,
        /// Its value.
        found: String,
        /// The value that we would set.
        expected: String,
    },
}

impl Difference {
    pub(crate) fn value(name: &str, found: Option<&Value>, expected: &Value) -> Self {
        let (mut shows, expected) = (shown(found), shown(Some(expected)));
        if shows == expected {
            // Only their types differ.
            shows = format!("\"{shows}\"");
        }
        Self::Value { name: name.to_owned(), found: shows, expected }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, alias) = (Fact::Index.gap(), Fact::Alias.gap());
        match self {
            Self::AliasElsewhere(other) => {
                write!(f, "the alias {alias} leads to {}, not to {index}", word(other).unwrap_or("another index"))
            }
            Self::AliasIsIndex => write!(f, "an index has the name {alias}, which is to be an alias"),
            Self::IndexIsAlias => write!(f, "an alias has the name {index}, which is to be an index"),
            Self::Value { name, found, expected } => {
                write!(f, "the index {index} has {name}={found}, expected {expected}")
            }
        }
    }
}

/// A value of somebody else's index, if it is a word.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => word(text).unwrap_or("something else").to_owned(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => "something else".to_owned(),
    }
}
