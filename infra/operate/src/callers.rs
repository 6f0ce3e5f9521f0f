//! The secret `control/callers`: who has which API keys.

use std::fmt;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a consumer may be: the groups that routes know.
pub const GROUPS: [&str; 2] = ["admin", "auditor"];

/// The secret's value. What is not about keys is kept as it is.
pub struct Callers(Value);

/// The value holds the issuer's shared secrets.
impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").finish_non_exhaustive()
    }
}

impl Callers {
    /// Reads the value; an absent one has no consumers.
    pub fn of(value: Option<Value>) -> anyhow::Result<Self> {
        let value = value.unwrap_or_else(|| json!({ "consumers": [] }));
        ensure!(value["consumers"].is_array(), "control/callers has no list `consumers`");
        Ok(Self(value))
    }

    pub const fn value(&self) -> &Value {
        &self.0
    }

    fn consumers(&mut self) -> anyhow::Result<&mut Vec<Value>> {
        self.0["consumers"].as_array_mut().context("control/callers has no list `consumers`")
    }

    /// Gives a consumer one more key.
    pub fn add(&mut self, consumer: &str, groups: &[String], key: &str) -> anyhow::Result<()> {
        for group in groups {
            ensure!(GROUPS.contains(&group.as_str()), "{group:?} is no group: use {}", GROUPS.join(" or "));
        }
        let name = consumer.trim();
        ensure!(!name.is_empty(), "a consumer needs a name");
        let digest = json!(digest(key));
        let consumers = self.consumers()?;
        if let Some(known) = consumers.iter_mut().find(|known| known["name"] == name) {
            ensure!(
                groups.is_empty() || known["groups"] == json!(groups),
                "{name} is in {}; its groups are not changed by a new key",
                known["groups"]
            );
            known["keys"].as_array_mut().with_context(|| format!("{name} has no list `keys`"))?.push(digest);
        } else {
            ensure!(!groups.is_empty(), "{name} is new: give its --groups");
            consumers.push(json!({ "name": name, "groups": groups, "keys": [digest] }));
        }
        Ok(())
    }

    /// Takes back the consumer's key whose digest begins so, or all of them. A consumer without keys is removed.
    pub fn revoke(&mut self, consumer: &str, key: &str) -> anyhow::Result<usize> {
        let consumers = self.consumers()?;
        let position = consumers.iter().position(|known| known["name"] == consumer);
        let position = position.with_context(|| format!("there is no consumer {consumer:?}"))?;
        let keys =
            consumers[position]["keys"].as_array_mut().with_context(|| format!("{consumer} has no list `keys`"))?;
        let meant = |known: &Value| {
            let digest = known.as_str().unwrap_or_default();
            key == "all" || digest.starts_with(key) || digest.trim_start_matches("sha256:").starts_with(key)
        };
        ensure!(
            key == "all" || key.trim_start_matches("sha256:").len() >= 8,
            "give at least 8 characters of the digest"
        );
        let found = keys.iter().filter(|known| meant(known)).count();
        match found {
            0 => bail!("{consumer} has no key whose digest begins with {key}"),
            1 => {}
            _ if key == "all" => {}
            _ => bail!("{found} keys of {consumer} begin with {key}: give more of the digest"),
        }
        keys.retain(|known| !meant(known));
        if keys.is_empty() {
            consumers.remove(position);
        }
        Ok(found)
    }

    /// Name, groups and digests of each consumer.
    pub fn list(&self) -> Vec<(String, String, Vec<String>)> {
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let consumers = self.0["consumers"].as_array().into_iter().flatten();
        let row = |known: &Value| {
            let name = known["name"].as_str().unwrap_or("(no name)").to_owned();
            (name, texts(&known["groups"]).join(", "), texts(&known["keys"]))
        };
        consumers.map(row).collect()
    }
}

/// How a key is stored: of its exact bytes, without the line end that `echo` would add.
pub fn digest(key: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(key)))
}

/// Whether a key is stored as [`digest`] does it.
pub fn is_digest(text: &str) -> bool {
    let is_hexadecimal =
        |hex: &str| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.strip_prefix("sha256:").is_some_and(is_hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin() -> Vec<String> {
        vec!["admin".to_owned()]
    }

    #[test]
    fn keys_are_added_and_revoked_one_by_one() {
        let jwt = json!({ "issuer": "https://idp.example" });
        let mut callers = Callers::of(Some(json!({ "consumers": [], "jwt": jwt }))).expect("callers");
        callers.add("ci", &admin(), "one").expect("a new consumer");
        callers.add("ci", &[], "two").expect("a second key");
        assert_eq!(callers.list(), [("ci".to_owned(), "admin".to_owned(), vec![digest("one"), digest("two")])]);

        let beginning = &digest("one")[7..20];
        assert_eq!(callers.revoke("ci", beginning).expect("one of two"), 1);
        assert_eq!(callers.list()[0].2, [digest("two")]);
        callers.revoke("ci", "all").expect("the other");
        assert_eq!(*callers.value(), json!({ "consumers": [], "jwt": jwt }));
    }

    #[test]
    fn mistakes_change_nothing() {
        let mut callers = Callers::of(None).expect("callers");
        assert!(callers.add("ci", &[], "k").is_err(), "a new consumer without groups");
        assert!(callers.add("ci", &["root".to_owned()], "k").is_err(), "no such group");
        assert!(callers.add(" ", &admin(), "k").is_err(), "no name");
        callers.add("ci", &admin(), "k").expect("a consumer");
        assert!(callers.add("ci", &["auditor".to_owned()], "l").is_err(), "other groups");
        for (consumer, key) in [("ci", "abc"), ("ci", "sha256:"), ("ci", ""), ("ci", "0123456789"), ("cd", "all")] {
            assert!(callers.revoke(consumer, key).is_err(), "{consumer} {key}");
        }
        assert_eq!(callers.list()[0].2, [digest("k")]);
    }
}
