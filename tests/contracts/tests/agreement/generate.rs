//! Values made from a schema: those that it allows, and those next to them.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::string::string_regex;
use serde_json::{Map, Value, json};

/// Characters that rules are made of, or forget: ends and separators, other cases and scripts, what nobody sees.
const SHARP: &[char] = &[
    '-',
    '.',
    '_',
    '/',
    '\\',
    ':',
    '@',
    '?',
    '#',
    '%',
    '+',
    '*',
    '~',
    '!',
    '\'',
    '"',
    '[',
    ']',
    '<',
    ' ',
    '\t',
    '\n',
    '\r',
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    '\u{ad}',
    'A',
    'z',
    '0',
    '9',
    'ß',
    'é',
    'K',
    'ſ',
    '٣',
    'я',
    '銀',
    '\u{300}',
    '\u{34f}',
    '\u{61c}',
    '\u{94d}',
    '\u{180b}',
    '\u{180e}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2800}',
    '\u{3000}',
    '\u{3164}',
    '\u{fdd0}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{fffd}',
    '\u{ffff}',
    '😀',
    '\u{1d159}',
    '\u{e0001}',
    '\u{e0101}',
    '\u{10ffff}',
];

/// How a text is changed.
#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, char),
    Replace(Index, char),
    Remove(Index),
    /// Repeated until it has so many characters.
    Fill(usize),
    Upper,
}

fn edit(limits: Vec<usize>) -> impl Strategy<Value = Edit> {
    let sharp = || prop_oneof![4 => select(SHARP), 1 => any::<char>()];
    prop_oneof![
        4 => (any::<Index>(), sharp()).prop_map(|(at, c)| Edit::Insert(at, c)),
        3 => (any::<Index>(), sharp()).prop_map(|(at, c)| Edit::Replace(at, c)),
        3 => any::<Index>().prop_map(Edit::Remove),
        2 => (select(limits), 0_usize..3).prop_map(|(limit, more)| Edit::Fill((limit + more).saturating_sub(1))),
        1 => Just(Edit::Upper),
    ]
}

fn apply(text: &str, edit: &Edit) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    match edit {
        Edit::Insert(at, c) => chars.insert(at.index(chars.len() + 1), *c),
        Edit::Replace(at, c) if !chars.is_empty() => {
            let at = at.index(chars.len());
            chars[at] = *c;
        }
        Edit::Remove(at) if !chars.is_empty() => drop(chars.remove(at.index(chars.len()))),
        Edit::Replace(..) | Edit::Remove(_) => {}
        Edit::Fill(length) if chars.is_empty() => chars = vec!['a'; *length],
        Edit::Fill(length) => chars = chars.iter().copied().cycle().take(*length).collect(),
        Edit::Upper => chars = text.to_ascii_uppercase().chars().collect(),
    }
    chars.into_iter().collect()
}

/// Where rules about lengths change their minds.
fn limits(schema: &Value) -> Vec<usize> {
    let stated = ["minLength", "maxLength"].map(|name| schema[name].as_u64().and_then(|limit| limit.try_into().ok()));
    stated.into_iter().flatten().chain([1, 3, 36, 48, 63, 64, 128, 253, 255]).collect()
}

/// A text that the pattern allows, if there is one.
fn text(schema: &Value) -> BoxedStrategy<String> {
    let pattern = match (schema["pattern"].as_str(), schema["format"].as_str()) {
        (Some(pattern), _) => pattern,
        (None, Some("uuid")) => "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        (None, Some(format)) => panic!("no texts of the format {format}"),
        (None, None) => return any::<String>().boxed(),
    };
    let inside = pattern.strip_prefix('^').expect("the pattern is of the whole text");
    // A pattern that is open at its end goes on as it likes.
    let inside = inside.strip_suffix('$').map_or_else(|| format!("{inside}.{{0,40}}"), str::to_owned);
    string_regex(&inside).expect("a pattern that texts can be made of").boxed()
}

/// Texts that a schema allows, those beside them, and those beside what is known to be allowed.
pub fn texts(schema: &Value, known: &[String]) -> BoxedStrategy<String> {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let edits = prop::collection::vec(edit(vec![1]), 0..2);
        let near =
            (select(words), edits).prop_map(|(word, edits)| edits.iter().fold(word, |word, edit| apply(&word, edit)));
        return near.boxed();
    }
    let source = match known {
        [] => text(schema),
        known => prop_oneof![text(schema), select(known.to_vec())].boxed(),
    };
    let edits = prop::collection::vec(edit(limits(schema)), 0..3);
    (source, edits).prop_map(|(text, edits)| edits.iter().fold(text, |text, edit| apply(&text, edit))).boxed()
}

/// Values of a field: those of its schema, and those of other types.
pub fn values(document: &Value, schema: &Value, known: &[String]) -> BoxedStrategy<Value> {
    let schema = resolved(document, schema);
    prop_oneof![9 => of(&schema, known), 1 => anything()].boxed()
}

/// The schema that is meant, without references.
pub fn resolved(document: &Value, schema: &Value) -> Value {
    let named = |reference: &str| document.pointer(reference.trim_start_matches('#')).expect("a schema").clone();
    let mut schema = schema["$ref"].as_str().map_or_else(|| schema.clone(), named);
    if let Some(items) = schema.get("items") {
        schema["items"] = resolved(document, items);
    }
    schema
}

fn of(schema: &Value, known: &[String]) -> BoxedStrategy<Value> {
    if let Some(value) = schema.get("const") {
        return prop_oneof![Just(value.clone()), anything()].boxed();
    }
    if let Some(types) = schema["type"].as_array() {
        let of_type = |kind: &Value| {
            let mut schema = schema.clone();
            schema["type"] = kind.clone();
            of(&schema, known)
        };
        return types.iter().map(of_type).reduce(|one, other| one.prop_union(other).boxed()).expect("a type");
    }
    match schema["type"].as_str() {
        Some("string") => texts(schema, known).prop_map(Value::from).boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("null") => Just(Value::Null).boxed(),
        Some("array") => {
            let most = usize::try_from(schema["maxItems"].as_u64().expect("a limit")).expect("a number");
            let few = prop::collection::vec(of(&schema["items"], &[]), 0..4);
            let many =
                (most - 1..most + 2).prop_map(|count| (0..count).map(|item| json!(format!("c{item}"))).collect());
            prop_oneof![4 => few, 1 => many].prop_map(Value::Array).boxed()
        }
        Some("object") => object().boxed(),
        kind => panic!("no values of the type {kind:?}: {schema}"),
    }
}

/// Any JSON whose numbers are kept as they are.
pub fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é銀]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-zA-Z_é ]{0,9}", inner, 0..4).prop_map(|entries| json!(entries)),
        ]
    })
    .boxed()
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-zA-Z_é ]{0,9}", anything(), 0..5).prop_map(|entries| json!(entries))
}

/// A body with fields left out, added and set to null.
pub fn bodies(example: Map<String, Value>, fields: Vec<String>) -> impl Strategy<Value = Value> {
    let change = (select(fields), prop_oneof![Just(None), Just(Some(Value::Null)), anything().prop_map(Some)]);
    let unknown = ("[a-z_]{0,20}", anything()).prop_map(|(name, value)| (name, Some(value)));
    prop::collection::vec(prop_oneof![3 => change, 1 => unknown], 0..3).prop_map(move |changes| {
        let mut body = example.clone();
        for (name, value) in changes {
            match value {
                Some(value) => drop(body.insert(name, value)),
                None => drop(body.remove(&name)),
            }
        }
        Value::Object(body)
    })
}
