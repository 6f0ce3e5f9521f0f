//! The fields of a request's body, as a table. Both the parser and the OpenAPI schema are made from it, so they cannot
//! differ.

use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::fields::{Fields, Patch};
use crate::schema::FieldSchema;

/// How a field is read and documented.
pub(crate) trait Field {
    /// The type of the field's value.
    type Value;
    /// Whether the field is required.
    const REQUIRED: bool = false;

    /// Reads the field. Errors are recorded in `fields`.
    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Self::Value;

    /// The field's schema without its description.
    fn schema(&self) -> Value;
}

/// A field with its name.
pub(crate) struct Named<F> {
    pub name: &'static str,
    pub field: F,
    /// The field's description in the document.
    pub description: Option<&'static str>,
}

impl<F: Field> Named<F> {
    /// Reads the field.
    pub fn read(&self, fields: &mut Fields<'_>) -> F::Value {
        self.field.read(self.name, fields)
    }

    /// Adds the field to an object's schema.
    pub fn document(&self, properties: &mut Map<String, Value>, required: &mut Vec<&'static str>) {
        let mut schema = self.field.schema();
        if let Some(description) = self.description {
            schema["description"] = description.into();
        }
        properties.insert(self.name.to_owned(), schema);
        if F::REQUIRED {
            required.push(self.name);
        }
    }
}

/// A required text. `None` after an error.
pub(crate) struct Required<T>(PhantomData<fn() -> T>);

/// An optional text. `None` if it is absent, or after an error.
pub(crate) struct Optional<T>(PhantomData<fn() -> T>);

/// An optional text with its type's default. `None` after an error.
pub(crate) struct Defaulted<T>(PhantomData<fn() -> T>);

/// An optional text, for which `null` means the same as absent.
pub(crate) struct Nullable<T>(PhantomData<fn() -> T>);

/// An optional text, for which `null` means something else than absent.
pub(crate) struct Patched<T>(PhantomData<fn() -> T>);

/// At most `MAX` different texts. Empty if it is absent.
pub(crate) struct Set<T, const MAX: usize>(PhantomData<fn() -> T>);

/// At least one and at most `MAX` different texts. Empty after an error.
pub(crate) struct Several<T, const MAX: usize>(PhantomData<fn() -> T>);

macro_rules! of_texts {
    ($($kind:ident),+) => {
        $(impl<T> $kind<T> {
            pub const NEW: Self = Self(PhantomData);
        })+
    };
}

of_texts!(Required, Optional, Defaulted, Nullable, Patched);

impl<T, const MAX: usize> Set<T, MAX> {
    pub const NEW: Self = Self(PhantomData);
}

impl<T, const MAX: usize> Several<T, MAX> {
    pub const NEW: Self = Self(PhantomData);
}

impl<T: FromStr<Err: Display> + FieldSchema> Field for Required<T> {
    type Value = Option<T>;
    const REQUIRED: bool = true;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Option<T> {
        fields.required(name)
    }

    fn schema(&self) -> Value {
        T::field_schema()
    }
}

impl<T: FromStr<Err: Display> + FieldSchema> Field for Optional<T> {
    type Value = Option<T>;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Option<T> {
        fields.optional(name)
    }

    fn schema(&self) -> Value {
        T::field_schema()
    }
}

impl<T: FromStr<Err: Display> + FieldSchema + Default + Serialize> Field for Defaulted<T> {
    type Value = Option<T>;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Option<T> {
        if fields.contains(name) { fields.optional(name) } else { Some(T::default()) }
    }

    fn schema(&self) -> Value {
        let mut schema = T::field_schema();
        schema["default"] = json!(T::default());
        schema
    }
}

impl<T: FromStr<Err: Display> + FieldSchema> Field for Nullable<T> {
    type Value = Option<T>;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Option<T> {
        fields.nullable(name)
    }

    fn schema(&self) -> Value {
        or_null(T::field_schema())
    }
}

impl<T: FromStr<Err: Display> + FieldSchema> Field for Patched<T> {
    type Value = Patch<T>;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Patch<T> {
        fields.patch(name)
    }

    fn schema(&self) -> Value {
        or_null(T::field_schema())
    }
}

fn or_null(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

impl<T: FromStr<Err: Display> + FieldSchema + PartialEq, const MAX: usize> Field for Set<T, MAX> {
    type Value = Vec<T>;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Vec<T> {
        fields.optional_set(name, MAX).unwrap_or_default()
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "items": T::field_schema(), "uniqueItems": true, "maxItems": MAX, "default": [] })
    }
}

impl<T: FromStr<Err: Display> + FieldSchema + PartialEq, const MAX: usize> Field for Several<T, MAX> {
    type Value = Vec<T>;
    const REQUIRED: bool = true;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Vec<T> {
        fields.required_set(name, MAX).unwrap_or_default()
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "items": T::field_schema(), "uniqueItems": true, "minItems": 1, "maxItems": MAX })
    }
}

/// An object of any content that has at most `MAX` bytes as JSON. Empty if it is absent.
pub(crate) struct Object<const MAX: usize>;

impl<const MAX: usize> Object<MAX> {
    pub const NEW: Self = Self;
}

impl<const MAX: usize> Field for Object<MAX> {
    type Value = Map<String, Value>;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> Map<String, Value> {
        fields.optional_object(name, MAX).unwrap_or_default()
    }

    fn schema(&self) -> Value {
        // Its default, `{}`, is in the description: generators stop at objects here.
        json!({ "type": "object", "additionalProperties": true })
    }
}

/// `true` or `false`, or `DEFAULT` if it is absent.
pub(crate) struct Flag<const DEFAULT: bool>;

impl<const DEFAULT: bool> Flag<DEFAULT> {
    pub const NEW: Self = Self;
}

impl<const DEFAULT: bool> Field for Flag<DEFAULT> {
    type Value = bool;

    fn read(&self, name: &str, fields: &mut Fields<'_>) -> bool {
        fields.optional_bool(name).unwrap_or(DEFAULT)
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean", "default": DEFAULT })
    }
}

/// A confirmation: it is required, and must be `true`.
pub(crate) struct Confirmation;

impl Confirmation {
    pub const NEW: Self = Self;
}

impl Field for Confirmation {
    type Value = ();
    const REQUIRED: bool = true;

    fn read(&self, name: &str, fields: &mut Fields<'_>) {
        fields.must_be_true(name);
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean", "const": true })
    }
}

/// Declares the fields of a request's body, in the order in which their errors are reported. `BODY` has a field of each
/// name to read; the request gets the names and the schema.
macro_rules! body {
    ($request:ident as $title:literal { $($name:ident: $kind:ty $(= $description:literal)?),+ $(,)? }) => {
        struct Body { $($name: $crate::field::Named<$kind>),+ }

        const BODY: Body = Body {
            $($name: $crate::field::Named {
                name: stringify!($name),
                field: <$kind>::NEW,
                description: [$(Some($description),)? None][0],
            }),+
        };

        impl $request {
            /// The name of its schema.
            pub const TITLE: &'static str = $title;
            /// The names of its fields; there are no others.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Its schema.
            #[must_use]
            pub fn schema() -> serde_json::Value {
                let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
                $(BODY.$name.document(&mut properties, &mut required);)+
                let mut schema = serde_json::json!({
                    "type": "object", "additionalProperties": false, "properties": properties,
                });
                if !required.is_empty() {
                    schema["required"] = serde_json::json!(required);
                }
                schema
            }
        }
    };
}

pub(crate) use body;
