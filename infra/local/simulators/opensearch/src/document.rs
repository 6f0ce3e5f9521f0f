//! Whether a document fits a mapping, and what dynamic mapping adds for it.

use serde_json::{Map, Value};

use crate::error::{Detail, Problem, Result};
use crate::mapping::{Dynamic, Field, Kind, Mapping, Object, Plain, SpaceType, Vector};

const PARSER: &str = "mapper_parsing_exception";

/// The mapping after the document, or why it cannot be indexed.
pub(crate) fn admit(id: &str, source: &Map<String, Value>, mapping: &Mapping) -> Result<Mapping> {
    let mut mapping = mapping.clone();
    let dynamic = mapping.root.dynamic.unwrap_or(Dynamic::Add);
    Admission { id }.object(source, &mut mapping.root, "_doc", dynamic)?;
    Ok(mapping)
}

struct Admission<'a> {
    id: &'a str,
}

impl Admission<'_> {
    fn object(&self, source: &Map<String, Value>, object: &mut Object, at: &str, dynamic: Dynamic) -> Result<()> {
        for (name, value) in source {
            if name.contains('.') {
                return Err(Problem::not_simulated("dots in the names of fields"));
            }
            if let Some(field) = object.properties.get_mut(name) {
                self.field(name, value, field, dynamic)?;
                continue;
            }
            match dynamic {
                Dynamic::Ignore => {}
                Dynamic::Refuse => return Err(refused(name, at)),
                Dynamic::Add => {
                    if let Some(mut field) = guess(value)? {
                        self.field(name, value, &mut field, dynamic)?;
                        object.properties.insert(name.clone(), field);
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&self, name: &str, value: &Value, field: &mut Field, dynamic: Dynamic) -> Result<()> {
        match (field, value) {
            (_, Value::Null) => Ok(()),
            (Field::Object(object), _) if object.disabled => Ok(()),
            (Field::Object(object), Value::Object(inner)) => {
                let dynamic = object.dynamic.unwrap_or(dynamic);
                self.object(inner, object, name, dynamic)
            }
            (Field::Object(object), Value::Array(entries)) => {
                let dynamic = object.dynamic.unwrap_or(dynamic);
                let mut field = Field::Object(std::mem::take(object));
                let all = entries.iter().try_for_each(|entry| self.field(name, entry, &mut field, dynamic));
                if let Field::Object(inner) = field {
                    *object = inner;
                }
                all
            }
            (Field::Object(_), _) => {
                let reason = format!(
                    "object mapping for [{name}] tried to parse field [{name}] as object, but found a \
                                      concrete value"
                );
                Err(Problem::new(400, Detail::new(PARSER, reason)))
            }
            (Field::Vector(vector), value) => self.vector(name, value, vector),
            (Field::Plain(plain), Value::Array(entries)) => {
                entries.iter().try_for_each(|entry| self.plain(name, entry, plain))
            }
            (Field::Plain(plain), value) => self.plain(name, value, plain),
        }
    }

    fn plain(&self, name: &str, value: &Value, plain: &Plain) -> Result<()> {
        let cause = flaw(plain.kind, value);
        cause.map_or(Ok(()), |cause| Err(self.unfit(name, plain.kind.name(), value, cause)))
    }

    fn vector(&self, name: &str, value: &Value, vector: &Vector) -> Result<()> {
        let illegal = |reason: String| {
            // The vector was read to its end by then: there is nothing left to show.
            self.unfit(name, "knn_vector", &Value::Null, Detail::new("illegal_argument_exception", reason))
        };
        let entries = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for entry in entries {
            let number = entry.as_f64().or_else(|| entry.as_str()?.parse().ok());
            if number.is_none() {
                let reason = format!("For input string: \"{}\"", shown(entry));
                return Err(self.unfit(name, "knn_vector", entry, Detail::new("number_format_exception", reason)));
            }
        }
        if entries.len() as u64 != vector.dimension {
            let (expected, given) = (vector.dimension, entries.len());
            return Err(illegal(format!("Vector dimension mismatch. Expected: {expected}, Given: {given}")));
        }
        zero_flaw(vector.space_type(), &numbers(entries)).map_or(Ok(()), |reason| Err(illegal(reason)))
    }

    fn unfit(&self, name: &str, kind: &str, value: &Value, cause: Detail) -> Problem {
        let reason = format!(
            "failed to parse field [{name}] of type [{kind}] in document with id '{}'. Preview of field's value: '{}'",
            self.id,
            shown(value)
        );
        Problem::new(400, Detail::new(PARSER, reason).caused_by(cause))
    }
}

/// The entries of a vector, in the precision vectors have.
pub(crate) fn numbers(entries: &[Value]) -> Vec<f32> {
    // Narrowing is what the server does, too.
    #[expect(clippy::cast_possible_truncation)]
    let narrow = |number: f64| number as f32;
    entries.iter().filter_map(|entry| entry.as_f64().or_else(|| entry.as_str()?.parse().ok())).map(narrow).collect()
}

/// There is no angle to the zero vector.
pub(crate) fn zero_flaw(space: SpaceType, vector: &[f32]) -> Option<String> {
    let zero = space == SpaceType::CosineSimilarity && vector.iter().all(|number| *number == 0.0);
    zero.then(|| format!("zero vector is not supported when space type is [{}]", space.name()))
}

fn refused(name: &str, at: &str) -> Problem {
    let reason = format!("mapping set to strict, dynamic introduction of [{name}] within [{at}] is not allowed");
    Problem::new(400, Detail::new("strict_dynamic_mapping_exception", reason))
}

/// The field dynamic mapping makes of a value; none of nothing.
fn guess(value: &Value) -> Result<Option<Field>> {
    let plain = |kind| Ok(Some(Field::Plain(Plain::dynamic(kind))));
    match value {
        Value::Null => Ok(None),
        Value::Bool(_) => plain(Kind::Boolean),
        Value::Number(number) => plain(if number.is_f64() { Kind::Float } else { Kind::Long }),
        Value::String(text) => plain(if is_date(text) { Kind::Date } else { Kind::Text }),
        Value::Object(_) => Ok(Some(Field::Object(Object::default()))),
        Value::Array(entries) => {
            let first = entries.iter().find(|entry| !entry.is_null());
            first.map_or(Ok(None), guess)
        }
    }
}

fn flaw(kind: Kind, value: &Value) -> Option<Detail> {
    let text = shown(value);
    let illegal = |reason: String| Some(Detail::new("illegal_argument_exception", reason));
    match (kind, value) {
        (Kind::Keyword | Kind::Text, Value::Object(_) | Value::Array(_)) => {
            Some(Detail::new("illegal_state_exception", "Can't get text on a START_OBJECT"))
        }
        (_, Value::Null) | (Kind::Keyword | Kind::Text, _) => None,
        (Kind::Boolean, _) if matches!(text.as_str(), "true" | "false" | "") => None,
        (Kind::Boolean, _) => illegal(format!("Failed to parse value [{text}] as only [true] or [false] are allowed.")),
        (Kind::Date, Value::Number(number)) if number.is_i64() => None,
        (Kind::Date, _) if is_date(&text) || text.parse::<i64>().is_ok() => None,
        (Kind::Date, _) => {
            let format = "strict_date_optional_time||epoch_millis";
            let bottom = Detail::new("date_time_parse_exception", "Failed to parse with all enclosed parsers");
            illegal(format!("failed to parse date field [{text}] with format [{format}]"))
                .map(|detail| detail.caused_by(bottom))
        }
        (Kind::Double | Kind::Float, _) if text.parse::<f64>().is_ok() => None,
        // Whole numbers are coerced: 1.5 is indexed as 1.
        (Kind::Byte | Kind::Short | Kind::Integer | Kind::Long, _) if fits(kind, &text) => None,
        (Kind::Byte | Kind::Short | Kind::Integer | Kind::Long | Kind::Double | Kind::Float, _) => {
            illegal(format!("For input string: \"{text}\""))
        }
    }
}

fn fits(kind: Kind, text: &str) -> bool {
    let limit = match kind {
        Kind::Byte => f64::from(i8::MAX) + 1.0,
        Kind::Short => f64::from(i16::MAX) + 1.0,
        Kind::Integer => f64::from(i32::MAX) + 1.0,
        _ => 9_223_372_036_854_775_808.0,
    };
    text.parse::<f64>().is_ok_and(|number| (-limit..limit).contains(&number))
}

/// The date forms of `strict_date_optional_time`.
fn is_date(text: &str) -> bool {
    let has_date = text.len() >= 10 && text.as_bytes()[4] == b'-';
    has_date
        && (text.parse::<jiff::Timestamp>().is_ok()
            || (text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok())
            || (text.contains('T') && text.parse::<jiff::civil::DateTime>().is_ok()))
}

/// A value as the server's messages print it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}
