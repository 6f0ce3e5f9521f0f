//! The schemas of values in the OpenAPI document.

use serde_json::{Value, json};

use crate::visible::NEVER_SEEN;

/// A value that a field of a request can hold.
pub trait FieldSchema {
    /// The schema of such a field: a reference to a named schema, or the schema itself.
    fn field_schema() -> Value;
}

/// A reference to a schema of the document.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A name of up to `max` characters.
pub(crate) fn name(max: usize) -> Value {
    let pattern = format!("^[^{NEVER_SEEN}]*$");
    json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": pattern, "not": text(r"^\s*$") })
}

/// A text of this pattern, for `not`: a pattern alone is true of everything that is no text, so that null would be refused.
pub(crate) fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// A set of ASCII characters, written as in a regular expression between its brackets. Parser and schema both use it.
#[derive(Clone, Copy)]
pub(crate) struct Chars(pub &'static str);

impl Chars {
    /// Whether the character is in the set.
    pub fn contains(self, byte: u8) -> bool {
        let mut rest = self.0.as_bytes();
        while let [first, tail @ ..] = rest {
            let (last, tail) = match tail {
                [b'-', last, tail @ ..] => (last, tail),
                tail => (first, tail),
            };
            if (*first..=*last).contains(&byte) {
                return true;
            }
            rest = tail;
        }
        false
    }
}

/// Gives a type a named schema in the document, to which fields refer. It is the schema of a JSON string, and
/// `$builder` adds the details to an `ObjectBuilder`.
macro_rules! text_schema {
    ($name:ident, $builder:expr) => {
        $crate::schema::component_schema!($name, $builder);

        impl $crate::schema::FieldSchema for $name {
            fn field_schema() -> serde_json::Value {
                $crate::schema::reference(stringify!($name))
            }
        }
    };
}

/// The same as `text_schema`, for a type that no field refers to.
macro_rules! component_schema {
    ($name:ident, $builder:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let text = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String);
                let with: fn(utoipa::openapi::ObjectBuilder) -> utoipa::openapi::ObjectBuilder = $builder;
                with(text).into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

/// Gives a type a schema that is repeated in each of its fields.
macro_rules! field_schema {
    ($name:ident, $schema:expr) => {
        impl $crate::schema::FieldSchema for $name {
            fn field_schema() -> serde_json::Value {
                $schema
            }
        }
    };
}

pub(crate) use {component_schema, field_schema, text_schema};

#[cfg(test)]
mod tests {
    use super::Chars;

    #[test]
    fn a_set_means_the_same_as_in_a_regular_expression() {
        let spelled = |set: &'static str| (0..=u8::MAX).filter(|byte| Chars(set).contains(*byte)).collect::<Vec<_>>();
        assert_eq!(spelled("a-c"), b"abc");
        assert_eq!(spelled("a-c_.-"), b"-._abc");
        assert_eq!(spelled("x"), b"x");
        assert_eq!(spelled("0-9A-B-"), b"-0123456789AB");
        assert_eq!(spelled(""), b"");
    }
}
