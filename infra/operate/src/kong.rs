//! Consumers of Kong (the plugins `key-auth` and `acl`) as consumers of ours. Keys go on working, since a digest is all that is
//! kept of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::callers::{GROUPS, digest};

/// What was taken over.
pub struct Taken {
    /// `{"consumers": [...]}`, as `control/callers` has it.
    pub callers: Value,
    /// What was not, or means nothing here.
    pub notes: Vec<String>,
}

/// Reads what `deck` or `kong config db_export` writes, or the Admin API's lists as members of one object: keys and groups lie in
/// their consumer, or beside it and name it.
pub fn callers(kong: &Value) -> anyhow::Result<Taken> {
    let consumers = list(kong, "consumers").context("there is no list `consumers`")?;
    let (mut found, mut notes) = (BTreeMap::new(), Vec::new());
    for consumer in consumers {
        let name = ["username", "custom_id", "id"].iter().find_map(|field| consumer[field].as_str());
        let name = name.context("a consumer has neither a username, nor a custom_id, nor an id")?;
        let of = |entity| list(consumer, entity).into_iter().flatten().chain(beside(kong, entity, consumer));
        let mut keys = BTreeSet::new();
        for credential in of("keyauth_credentials") {
            let key = credential["key"].as_str().filter(|key| !key.is_empty());
            let key = key.with_context(|| format!("a key of {name} is missing"))?;
            // decK does not resolve references to a vault.
            if key.starts_with("{vault://") {
                notes.push(format!("a key of {name} is in a vault, so it is left out"));
            } else if credential["ttl"].as_u64().is_some_and(|ttl| ttl > 0) {
                notes.push(format!("a key of {name} has a ttl, and keys here do not end, so it is left out"));
            } else {
                keys.insert(digest(key));
            }
        }
        let groups: BTreeSet<&str> = of("acls").filter_map(|acl| acl["group"].as_str()).collect();
        for group in groups.iter().filter(|group| !GROUPS.contains(group)) {
            notes.push(format!("{name} is in {group:?}, which means nothing to a route here"));
        }
        if keys.is_empty() {
            notes.push(format!("{name} has no key, so it is left out"));
            continue;
        }
        if found.insert(name, json!({ "name": name, "groups": groups, "keys": keys })).is_some() {
            bail!("two consumers are called {name}");
        }
    }
    let mut holders = BTreeMap::new();
    for (name, consumer) in &found {
        for key in consumer["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if let Some(other) = holders.insert(key.to_owned(), *name) {
                bail!("{other} and {name} have the same key");
            }
        }
    }
    Ok(Taken { callers: json!({ "consumers": found.into_values().collect::<Vec<_>>() }), notes })
}

/// A list, as it is in a file or as the Admin API wraps it.
fn list<'a>(object: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    object[name].as_array().or_else(|| object[name]["data"].as_array())
}

/// Entities that lie beside the consumers and name this one.
fn beside<'a>(kong: &'a Value, entity: &str, consumer: &'a Value) -> impl Iterator<Item = &'a Value> + use<'a> {
    let names: Vec<_> = ["id", "username"].into_iter().filter_map(|field| consumer[field].as_str()).collect();
    let is_its = move |entity: &&Value| {
        let owner = &entity["consumer"];
        [owner, &owner["id"], &owner["username"]]
            .into_iter()
            .filter_map(Value::as_str)
            .any(|owner| names.contains(&owner))
    };
    list(kong, entity).into_iter().flatten().filter(is_its)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4a1c8f2e-91c5-4d0b-9a53-1d6b0c5f9e11";

    #[test]
    fn keys_and_groups_are_found_wherever_kong_writes_them() {
        let expected = json!({ "consumers": [
            { "name": "ci", "groups": ["admin"], "keys": [digest("two"), digest("one")] },
            { "name": "reports", "groups": ["auditor", "partners"], "keys": [digest("three")] },
        ] });
        let sorted = |mut value: Value| {
            for consumer in value["consumers"].as_array_mut().expect("a list") {
                consumer["keys"].as_array_mut().expect("a list").sort_by_key(ToString::to_string);
            }
            value
        };
        let nested = json!({ "_format_version": "3.0", "consumers": [
            { "username": "ci", "keyauth_credentials": [{ "key": "one", "ttl": 0 }, { "key": "two" }], "acls": [{ "group": "admin", "tags": null }] },
            { "custom_id": "reports", "acls": [{ "group": "partners" }, { "group": "auditor" }], "keyauth_credentials": [{ "key": "three" }] },
        ] });
        let flat = json!({
            "consumers": { "data": [{ "id": ID, "username": "ci", "custom_id": null }, { "id": "r", "username": "reports" }], "next": null },
            "keyauth_credentials": { "data": [
                { "key": "two", "consumer": { "id": ID }, "ttl": null }, { "key": "three", "consumer": { "id": "r" } },
                { "key": "one", "consumer": { "id": ID } }, { "key": "lost", "consumer": { "id": "nobody" } },
            ] },
            "acls": [{ "consumer": "ci", "group": "admin" }, { "consumer": "r", "group": "auditor" }, { "consumer": { "username": "reports" }, "group": "partners" }],
        });
        for kong in [nested, flat] {
            let taken = callers(&kong).expect("read");
            assert_eq!(sorted(taken.callers), sorted(expected.clone()));
            assert_eq!(taken.notes, ["reports is in \"partners\", which means nothing to a route here"]);
        }
    }

    #[test]
    fn a_key_that_would_be_good_for_more_than_before_is_left_out() {
        let kong = json!({ "consumers": [
            { "username": "a", "keyauth_credentials": [{ "key": "short", "ttl": 3600 }, { "key": "{vault://env/x}" }, { "key": "k" }] },
            { "username": "b" },
        ] });
        let taken = callers(&kong).expect("read");
        assert_eq!(taken.callers, json!({ "consumers": [{ "name": "a", "groups": [], "keys": [digest("k")] }] }));
        assert_eq!(taken.notes.len(), 3);
        assert!(!taken.notes.iter().any(|note| note.contains("short")));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let key = |key: &str| json!([{ "key": key }]);
        for kong in [
            json!({}),
            json!([]),
            json!({ "consumers": {} }),
            json!({ "consumers": [{ "keyauth_credentials": key("k") }] }),
            json!({ "consumers": [{ "username": "a", "keyauth_credentials": [{}] }] }),
            json!({ "consumers": [{ "username": "a", "keyauth_credentials": key("k") }, { "username": "a", "keyauth_credentials": key("l") }] }),
            json!({ "consumers": [{ "username": "a", "keyauth_credentials": key("k") }, { "username": "b", "keyauth_credentials": key("k") }] }),
        ] {
            assert!(callers(&kong).is_err(), "{kong}");
        }
    }
}
