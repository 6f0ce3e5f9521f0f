//! Where in a token a value is.

use serde_json::{Map, Value};

/// A claim: its name, or a JSON Pointer (RFC 6901) if the text begins with `/`. So `cognito:groups` and a claim that is
/// named by a URL are names, whatever they contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The member of the claims.
    name: String,
    /// The rest of the pointer, empty if the member itself is meant.
    within: String,
    /// As it is configured.
    text: String,
}

impl Claim {
    /// `None` if the text is empty, or a pointer with a `~` that stands for nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(pointer) = text.strip_prefix('/') else {
            return (!text.is_empty()).then(|| Self {
                name: text.to_owned(),
                within: String::new(),
                text: text.to_owned(),
            });
        };
        let escaped = |text: &str| text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        let (name, within) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
        let name = name.replace("~1", "/").replace("~0", "~");
        escaped(pointer).then(|| Self { name, within: within.to_owned(), text: text.to_owned() })
    }

    /// As it is configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its value. null is the same as none.
    pub fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        claims.get(&self.name)?.pointer(&self.within).filter(|value| !value.is_null())
    }
}

/// The values of a claim that is one or a list of them.
pub(crate) fn each(claim: Option<&Value>) -> &[Value] {
    match claim {
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_literal_and_a_pointer_begins_with_a_slash() {
        let claims = json!({
            "cognito:groups": 1, "https://a.example/roles": 2, "realm_access": { "roles": 3, "a/b": 4, "m~n": 5 },
            "": 6, "a.b": 7, "list": [{ "x": 8 }], "nothing": null, "a": { "b": null },
        });
        let claims = claims.as_object().expect("an object");
        for (text, value) in [
            ("cognito:groups", Some(1)),
            ("https://a.example/roles", Some(2)),
            ("/https:~1~1a.example~1roles", Some(2)),
            ("/realm_access/roles", Some(3)),
            ("/realm_access/a~1b", Some(4)),
            ("/realm_access/m~0n", Some(5)),
            ("/", Some(6)),
            ("a.b", Some(7)),
            ("/list/0/x", Some(8)),
            ("/list/00/x", None),
            ("/list/1/x", None),
            ("realm_access/roles", None),
            ("nothing", None),
            ("/a/b", None),
            ("/cognito:groups/x", None),
        ] {
            let claim = Claim::parse(text).expect("a claim");
            assert_eq!((claim.of(claims).and_then(Value::as_u64), claim.as_str()), (value, text));
        }
        for text in ["", "/a~", "/a~2", "/~/b", "/a/~x"] {
            assert_eq!(Claim::parse(text), None, "{text}");
        }
    }
}
