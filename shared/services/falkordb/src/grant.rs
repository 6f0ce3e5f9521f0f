//! The tenant's own user, who may use one graph, and only with commands that cannot leave it.

use std::collections::{BTreeSet, HashMap};

use redis::{FromRedisValue, Value};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What a tenant's user may do, and why. Nothing else is allowed.
///
/// A key pattern confines only commands that declare which of their arguments are keys (`COMMAND INFO` of 4.16.3).
/// - `GRAPH.LIST`, `.CONFIG`, `.UDF`, `.DEBUG` and `.PASSWORD` declare none. They would reach every tenant's graph;
///   `LIST` alone shows all names. The same is true for `KEYS`, `SCAN`, `FLUSHALL`, `ACL` and `CONFIG`.
/// - `GRAPH.DELETE` is confined, but the graph belongs to the platform: a deprovisioned tenant's data stays. `.COPY` is
///   useless with one key, and `.BULK` bypasses the query language.
/// - `GRAPH.SLOWLOG`, `.INFO` and `.MEMORY` are for the operators of the server.
///
/// `AUTH`, `HELLO`, `QUIT` and `RESET` need no permission. One way out remains inside a query: `LOAD CSV` reads the
/// server's `IMPORT_FOLDER` and HTTPS addresses. Keep that folder empty and block the server's outgoing connections
/// (FalkorDB/docs `cypher/load-csv.md`).
const COMMANDS: [&str; 7] = [
    // Pools ask it before they hand out a connection.
    "ping",
    // The official clients ask `INFO server` before anything else, to learn whether they speak to a sentinel or a
    // cluster (falkordb-py `sentinel.py` and `cluster.py`, falkordb-ts `falkordb.ts`), and fail if it is refused. It
    // declares no keys and shows none. The server compares only the first argument, so `INFO server everything` passes
    // too: figures of the whole server, such as how many keys, clients and calls there are, but no name and no data.
    "info|server",
    "graph.query",
    "graph.ro_query",
    "graph.explain",
    "graph.profile",
    // An application's own schema. It also lets a tenant drop the constraint on its root node. That is no more than a
    // query may do already, which can delete the root node itself, and it harms nobody else.
    "graph.constraint",
];

/// The rights of one user, as `ACL SETUSER` sets and `ACL GETUSER` shows them.
pub(crate) struct Grant {
    password: String,
    key: String,
    commands: BTreeSet<String>,
}

impl Grant {
    pub(crate) fn new(graph: &str, password: &SecretString) -> Self {
        Self {
            // The server stores only the digest anyway. This keeps the password itself out of its command log.
            password: hex::encode(Sha256::digest(password.expose_secret())),
            key: format!("~{}", literal(graph)),
            commands: COMMANDS.iter().map(|command| format!("+{command}")).collect(),
        }
    }

    /// The rules for `ACL SETUSER`, applied together. `reset` first removes everything, including earlier passwords.
    pub(crate) fn rules(&self) -> Vec<String> {
        let mut rules = vec!["reset".to_owned(), "on".to_owned(), format!("#{}", self.password), self.key.clone()];
        rules.push("-@all".to_owned());
        rules.extend(self.commands.iter().cloned());
        rules
    }

    /// Whether `ACL GETUSER` shows these rights and no others. Additional fields of later versions are ignored.
    pub(crate) fn is_shown_by(&self, mut user: HashMap<String, Value>) -> bool {
        let mut field = |name| user.remove(name).unwrap_or(Value::Nil);
        let flags = list(field("flags"));
        let shown: BTreeSet<_> = text(field("commands")).split(' ').map(str::to_owned).collect();
        let mut expected = self.commands.clone();
        expected.insert("-@all".to_owned());
        flags.iter().any(|flag| flag == "on")
            && !flags.iter().any(|flag| flag == "nopass")
            && list(field("passwords")) == [self.password.clone()]
            && shown == expected
            && text(field("keys")) == self.key
            && text(field("channels")).is_empty()
            && matches!(field("selectors"), Value::Array(selectors) if selectors.is_empty())
    }
}

/// Whether `ACL GETUSER` shows a user without any right: it cannot log in, and no command and no key is open to it.
pub(crate) fn is_nothing(mut user: HashMap<String, Value>) -> bool {
    let mut field = |name| user.remove(name).unwrap_or(Value::Nil);
    let flags = list(field("flags"));
    flags.iter().any(|flag| flag == "off")
        && !flags.iter().any(|flag| flag == "nopass")
        && list(field("passwords")).is_empty()
        && text(field("commands")) == "-@all"
        && text(field("keys")).is_empty()
        && text(field("channels")).is_empty()
        && matches!(field("selectors"), Value::Array(selectors) if selectors.is_empty())
}

/// Whether `ACL GETUSER` shows a user that reaches this graph and no other key, or none at all since it was switched off.
pub(crate) fn is_for_nothing_but(mut user: HashMap<String, Value>, graph: &str) -> bool {
    let keys = text(user.remove("keys").unwrap_or(Value::Nil));
    let selectors = user.remove("selectors").unwrap_or(Value::Nil);
    (keys.is_empty() || keys == format!("~{}", literal(graph)))
        && matches!(selectors, Value::Array(selectors) if selectors.is_empty())
}

fn list(value: Value) -> Vec<String> {
    Vec::from_redis_value(value).unwrap_or_default()
}

fn text(value: Value) -> String {
    String::from_redis_value(value).unwrap_or_default()
}

/// A key pattern that matches this key alone: `client_acme*` would also open `client_acme-bank`.
fn literal(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len());
    for character in key.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: &[(&str, &[&str])]) -> HashMap<String, Value> {
        // A text field has one value in the table below, and a list has any number of values.
        let texts = |values: &[&str]| values.iter().map(|value| Value::SimpleString((*value).to_owned())).collect();
        let is_text = |name: &str| matches!(name, "commands" | "keys" | "channels");
        fields
            .iter()
            .map(|(name, values)| match values {
                [text] if is_text(name) => ((*name).to_owned(), Value::SimpleString((*text).to_owned())),
                list => ((*name).to_owned(), Value::Array(texts(list))),
            })
            .collect()
    }

    #[test]
    fn only_exactly_these_rights_are_accepted() {
        let grant = Grant::new("client_acme", &"s3cret".into());
        let digest = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0";
        let commands =
            "-@all +ping +info|server +graph.query +graph.ro_query +graph.explain +graph.profile +graph.constraint";
        let more = format!("{commands} +graph.list");
        let right: [(&str, &[&str]); 7] = [
            ("flags", &["on"]),
            ("passwords", &[digest]),
            ("commands", &[commands]),
            ("keys", &["~client_acme"]),
            ("channels", &[""]),
            ("databases", &["alldbs"]),
            ("selectors", &[]),
        ];
        assert!(grant.is_shown_by(shown(&right)));
        assert!(!grant.is_shown_by(HashMap::new()), "no such user");
        for (field, values) in [
            ("flags", &["off"][..]),
            ("flags", &["on", "nopass"]),
            ("passwords", &[]),
            ("passwords", &[digest, "another"]),
            ("commands", &["-@all +ping"]),
            // What the first release granted.
            ("commands", &["-@all +ping +graph.query +graph.ro_query +graph.explain +graph.profile"]),
            ("commands", &[more.as_str()]),
            ("commands", &["+@all"]),
            ("keys", &["~client_acme*"]),
            ("keys", &["~client_acme ~x"]),
            ("channels", &["&*"]),
            ("selectors", &["(+@all ~*)"]),
        ] {
            let mut user = shown(&right);
            user.extend(shown(&[(field, values)]));
            assert!(!grant.is_shown_by(user), "{field}: {values:?}");
        }
    }

    #[test]
    fn only_a_user_without_any_right_is_off() {
        let off: [(&str, &[&str]); 6] = [
            ("flags", &["off"]),
            ("passwords", &[]),
            ("commands", &["-@all"]),
            ("keys", &[""]),
            ("channels", &[""]),
            ("selectors", &[]),
        ];
        assert!(is_nothing(shown(&off)));
        assert!(!is_nothing(HashMap::new()));
        for (field, values) in [
            ("flags", &["on"][..]),
            ("flags", &["off", "nopass"]),
            ("passwords", &["digest"]),
            ("commands", &["-@all +ping"]),
            ("keys", &["~client_acme"]),
            ("channels", &["&*"]),
            ("selectors", &["(+@all ~*)"]),
        ] {
            let mut user = shown(&off);
            user.extend(shown(&[(field, values)]));
            assert!(!is_nothing(user), "{field}: {values:?}");
        }
    }

    #[test]
    fn a_user_with_another_key_is_another_ones() {
        let keyed = |keys: &'static str| shown(&[("keys", &[keys]), ("selectors", &[])]);
        assert!(is_for_nothing_but(keyed("~client_a"), "client_a") && is_for_nothing_but(keyed(""), "client_a"));
        for keys in ["~client_b", "~client_a ~client_b", "~*", "~client_a*"] {
            assert!(!is_for_nothing_but(keyed(keys), "client_a"), "{keys}");
        }
        assert!(!is_for_nothing_but(shown(&[("keys", &[""]), ("selectors", &["(+@all ~*)"])]), "client_a"));
    }

    #[test]
    fn a_graph_name_is_not_a_pattern() {
        assert_eq!(literal(r"a*b?c[d]e\f-g"), r"a\*b\?c\[d\]e\\f-g");
    }
}
