//! Fields of every type that is not a vector or an object.

use serde_json::{Map, Value, json};

use super::{Field, Flaw, Properties, boolean, properties, text, unknown_parameter};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Byte,
    Date,
    Double,
    Float,
    Integer,
    Keyword,
    Long,
    Short,
    Text,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Boolean,
        Self::Byte,
        Self::Date,
        Self::Double,
        Self::Float,
        Self::Integer,
        Self::Keyword,
        Self::Long,
        Self::Short,
        Self::Text,
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Byte => "byte",
            Self::Date => "date",
            Self::Double => "double",
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Keyword => "keyword",
            Self::Long => "long",
            Self::Short => "short",
            Self::Text => "text",
        }
    }

    /// The parameters simulated for this type.
    fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Keyword => &[INDEX, DOC_VALUES, STORE, IGNORE_ABOVE],
            Self::Text => &[INDEX, STORE],
            Self::Boolean
            | Self::Byte
            | Self::Date
            | Self::Double
            | Self::Float
            | Self::Integer
            | Self::Long
            | Self::Short => &[INDEX, DOC_VALUES, STORE],
        }
    }
}

/// Types `OpenSearch` has and the stand-in has not.
pub(crate) fn exists(name: &str) -> bool {
    const OTHERS: [&str; 26] = [
        "alias",
        "binary",
        "completion",
        "constant_keyword",
        "date_nanos",
        "date_range",
        "derived",
        "double_range",
        "flat_object",
        "float_range",
        "geo_point",
        "geo_shape",
        "half_float",
        "integer_range",
        "ip",
        "ip_range",
        "join",
        "long_range",
        "match_only_text",
        "nested",
        "percolator",
        "rank_feature",
        "scaled_float",
        "search_as_you_type",
        "token_count",
        "unsigned_long",
    ];
    OTHERS.contains(&name)
}

#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    default: Default,
}

#[derive(Clone, Copy)]
enum Default {
    Boolean(bool),
    Integer(i64),
}

const INDEX: Parameter = Parameter { name: "index", default: Default::Boolean(true) };
const DOC_VALUES: Parameter = Parameter { name: "doc_values", default: Default::Boolean(true) };
const STORE: Parameter = Parameter { name: "store", default: Default::Boolean(false) };
const IGNORE_ABOVE: Parameter = Parameter { name: "ignore_above", default: Default::Integer(i32::MAX as i64) };

impl Parameter {
    /// The value, unless it is the default one, which the server does not show.
    fn read(self, given: &Value) -> Result<Option<Value>, Flaw> {
        match self.default {
            Default::Boolean(default) => {
                let value = boolean(self.name, given)?;
                Ok((value != default).then(|| value.into()))
            }
            Default::Integer(default) => {
                let text = text(given);
                let value: i64 = text.parse().map_err(|_| Flaw::Argument(format!("For input string: \"{text}\"")))?;
                Ok((value != default).then(|| value.into()))
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) kind: Kind,
    parameters: Map<String, Value>,
    /// The same value, mapped in other ways too.
    pub(crate) fields: Properties,
}

impl Plain {
    /// What dynamic mapping makes of a value of this type.
    pub(crate) fn dynamic(kind: Kind) -> Self {
        let keyword = || {
            let parameters = Map::from_iter([("ignore_above".to_owned(), json!(256))]);
            Field::Plain(Self { kind: Kind::Keyword, parameters, fields: Properties::new() })
        };
        let fields =
            if kind == Kind::Text { Properties::from([("keyword".to_owned(), keyword())]) } else { Properties::new() };
        Self { kind, parameters: Map::new(), fields }
    }

    pub(super) fn parse(name: &str, kind: Kind, given: &Map<String, Value>) -> Result<Self, Flaw> {
        let mut plain = Self { kind, parameters: Map::new(), fields: Properties::new() };
        for (key, value) in given {
            let parameter = kind.parameters().iter().find(|parameter| parameter.name == key);
            match (key.as_str(), parameter) {
                ("type", _) => {}
                (_, Some(parameter)) => {
                    plain.parameters.extend(parameter.read(value)?.map(|value| (key.clone(), value)));
                }
                ("fields", None) => plain.fields = properties(value, false)?,
                (
                    "meta" | "copy_to" | "null_value" | "boost" | "format" | "analyzer" | "search_analyzer" | "norms"
                    | "normalizer" | "coerce" | "ignore_malformed" | "fielddata" | "term_vector" | "similarity",
                    None,
                ) => {
                    return Err(Flaw::NotSimulated(format!(
                        "the parameter [{key}] of a field of type [{}]",
                        kind.name()
                    )));
                }
                (_, None) => return Err(unknown_parameter(key, name, kind.name())),
            }
        }
        Ok(plain)
    }

    pub(super) fn shown(&self) -> Value {
        let mut shown = self.parameters.clone();
        shown.insert("type".to_owned(), self.kind.name().into());
        if !self.fields.is_empty() {
            shown.insert("fields".to_owned(), super::show(&self.fields));
        }
        shown.into()
    }
}
