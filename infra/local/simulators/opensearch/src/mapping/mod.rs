//! Mappings: what they may say, and how they are shown.

mod plain;
mod vector;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use plain::{Kind, Plain};
pub(crate) use vector::{SpaceType, Vector};

use crate::error::{Detail, Problem, Result};

pub(crate) type Properties = BTreeMap<String, Field>;

/// What happens to a field that the mapping does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dynamic {
    Add,
    Ignore,
    Refuse,
}

#[derive(Clone, Debug)]
pub(crate) enum Field {
    Object(Object),
    Plain(Plain),
    Vector(Vector),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) dynamic: Option<Dynamic>,
    /// A disabled object is kept, but not looked into.
    pub(crate) disabled: bool,
    pub(crate) properties: Properties,
}

/// The mapping of an index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) root: Object,
    meta: Option<Value>,
}

/// Why a mapping cannot be.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// Thrown by the mapper itself.
    Parser(String),
    /// Thrown below the mapper, which wraps it.
    Argument(String),
    /// Found by the k-NN plugin's validation.
    Validation(String),
    /// Not a boolean where one is needed: the name, and the text.
    Boolean(String, String),
    NotSimulated(String),
}

impl From<Flaw> for Problem {
    fn from(flaw: Flaw) -> Self {
        const PARSER: &str = "mapper_parsing_exception";
        let wrapped = |reason: &str| Detail::new(PARSER, format!("Failed to parse mapping [_doc]: {reason}"));
        match flaw {
            Flaw::Parser(reason) => {
                let root = Detail::new(PARSER, reason.clone());
                Self::rooted(400, root.clone(), wrapped(&reason).caused_by(root))
            }
            Flaw::Argument(reason) => {
                Self::new(400, wrapped(&reason).caused_by(Detail::new("illegal_argument_exception", reason)))
            }
            Flaw::Validation(reason) => {
                Self::new(400, wrapped(&reason).caused_by(Detail::new("validation_exception", reason)))
            }
            Flaw::Boolean(name, text) => {
                let reason = format!("Could not convert [{name}] to boolean");
                let bottom = format!("Failed to parse value [{text}] as only [true] or [false] are allowed.");
                let cause = Detail::new("illegal_argument_exception", reason.clone())
                    .caused_by(Detail::new("illegal_argument_exception", bottom));
                Self::new(400, wrapped(&reason).caused_by(cause))
            }
            Flaw::NotSimulated(what) => Self::not_simulated(&what),
        }
    }
}

impl Mapping {
    /// Reads the mapping of an index whose setting `index.knn` is `knn`.
    pub(crate) fn parse(given: &Map<String, Value>, knn: bool) -> Result<Self> {
        if given.keys().any(|key| key == "_doc") {
            return Err(Problem::illegal_argument("The mapping definition cannot be nested under a type"));
        }
        Ok(Self::read(given, knn)?)
    }

    fn read(given: &Map<String, Value>, knn: bool) -> std::result::Result<Self, Flaw> {
        let mut mapping = Self::default();
        for (key, value) in given {
            match key.as_str() {
                "properties" => mapping.root.properties = properties(value, knn)?,
                "dynamic" => mapping.root.dynamic = Some(dynamic(value)?),
                "_meta" => mapping.meta = Some(value.clone()),
                "_source" if *value == json!({ "enabled": true }) || *value == json!({}) => {}
                "_source"
                | "_routing"
                | "_field_names"
                | "date_detection"
                | "dynamic_date_formats"
                | "dynamic_templates"
                | "numeric_detection" => {
                    return Err(Flaw::NotSimulated(format!("the mapping parameter [{key}]")));
                }
                _ => {
                    let what =
                        format!("Root mapping definition has unsupported parameters:  [{key} : {}]", text(value));
                    return Err(Flaw::Parser(what));
                }
            }
        }
        Ok(mapping)
    }

    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.root.shown();
        shown.remove("type");
        if let Some(meta) = &self.meta {
            shown.insert("_meta".to_owned(), meta.clone());
        }
        shown.into()
    }

    /// The field of this dotted name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        let mut parts = name.split('.');
        let first = self.root.properties.get(parts.next()?)?;
        parts.try_fold(first, |field, part| match field {
            Field::Object(object) => object.properties.get(part),
            Field::Plain(plain) => plain.fields.get(part),
            Field::Vector(_) => None,
        })
    }
}

impl Object {
    fn shown(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        if let Some(dynamic) = self.dynamic {
            let word = match dynamic {
                Dynamic::Add => "true",
                Dynamic::Ignore => "false",
                Dynamic::Refuse => "strict",
            };
            shown.insert("dynamic".to_owned(), word.into());
        }
        if self.disabled {
            shown.insert("enabled".to_owned(), false.into());
        }
        if self.properties.is_empty() {
            shown.insert("type".to_owned(), "object".into());
        } else {
            shown.insert("properties".to_owned(), show(&self.properties));
        }
        shown
    }
}

fn show(properties: &Properties) -> Value {
    let shown = |field: &Field| match field {
        Field::Object(object) => object.shown().into(),
        Field::Plain(plain) => plain.shown(),
        Field::Vector(vector) => vector.shown(),
    };
    properties.iter().map(|(name, field)| (name.clone(), shown(field))).collect::<Map<_, _>>().into()
}

fn properties(given: &Value, knn: bool) -> std::result::Result<Properties, Flaw> {
    let given = given.as_object().ok_or_else(|| Flaw::Parser("Expected map for property [properties]".to_owned()))?;
    given.iter().map(|(name, value)| Ok((name.clone(), field(name, value, knn)?))).collect()
}

fn field(name: &str, given: &Value, knn: bool) -> std::result::Result<Field, Flaw> {
    let Some(given) = given.as_object() else {
        let what = format!("Expected map for property [fields] on field [{name}] but got a class java.lang.String");
        return Err(Flaw::Parser(what));
    };
    let kind = match given.get("type") {
        Some(kind) => text(kind),
        None if given.contains_key("properties") => "object".to_owned(),
        None => return Err(Flaw::Parser(format!("No type specified for field [{name}]"))),
    };
    match kind.as_str() {
        "knn_vector" => Ok(Field::Vector(Vector::parse(name, given, knn)?)),
        "object" => Ok(Field::Object(object(name, given, knn)?)),
        other => match Kind::parse(other) {
            Some(kind) => Ok(Field::Plain(Plain::parse(name, kind, given)?)),
            None if plain::exists(other) => Err(Flaw::NotSimulated(format!("fields of type [{other}]"))),
            None => Err(Flaw::Parser(format!("No handler for type [{other}] declared on field [{name}]"))),
        },
    }
}

fn object(name: &str, given: &Map<String, Value>, knn: bool) -> std::result::Result<Object, Flaw> {
    let mut object = Object::default();
    for (key, value) in given {
        match key.as_str() {
            "type" => {}
            "properties" => object.properties = properties(value, knn)?,
            "dynamic" => object.dynamic = Some(dynamic(value)?),
            "enabled" => object.disabled = !boolean(&format!("{name}.enabled"), value)?,
            _ => return Err(unknown_parameter(key, name, "object")),
        }
    }
    Ok(object)
}

fn dynamic(value: &Value) -> std::result::Result<Dynamic, Flaw> {
    match text(value).as_str() {
        "strict" => Ok(Dynamic::Refuse),
        "strict_allow_templates" => Err(Flaw::NotSimulated("dynamic templates".to_owned())),
        _ => Ok(if boolean("dynamic.dynamic", value)? { Dynamic::Add } else { Dynamic::Ignore }),
    }
}

/// A boolean as JSON or as text.
fn boolean(name: &str, value: &Value) -> std::result::Result<bool, Flaw> {
    let text = text(value);
    text.parse().map_err(|_| Flaw::Boolean(name.to_owned(), text))
}

fn unknown_parameter(parameter: &str, field: &str, kind: &str) -> Flaw {
    Flaw::Parser(format!("unknown parameter [{parameter}] on mapper [{field}] of type [{kind}]"))
}

/// A scalar as the server's messages print it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
