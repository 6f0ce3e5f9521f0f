//! API keys: a consumer's keys are known by their digests only.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A consumer of the secret `control/callers`.
#[derive(Debug, Deserialize)]
pub(crate) struct Consumer {
    name: String,
    groups: Vec<String>,
    /// `sha256:{hex}`, several for rotation.
    keys: Vec<String>,
}

/// A caller who proved with an API key who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The consumer's name.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
}

/// Compares digests, never keys: what the comparison's duration could tell is a digest's prefix, from which no key follows.
pub(crate) fn find(consumers: &[Consumer], key: &str) -> Option<Principal> {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(key)));
    let consumer = consumers.iter().find(|consumer| consumer.keys.contains(&digest))?;
    Some(Principal { name: consumer.name.clone(), groups: consumer.groups.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumers() -> Vec<Consumer> {
        vec![Consumer {
            name: "platform".to_owned(),
            groups: vec!["admin".to_owned()],
            // sha256 of "old" and of "new".
            keys: ["old", "new"].map(|key| format!("sha256:{}", hex::encode(Sha256::digest(key)))).to_vec(),
        }]
    }

    #[test]
    fn both_keys_of_a_rotation_work() {
        for key in ["old", "new"] {
            assert_eq!(find(&consumers(), key).expect("known").name, "platform");
        }
    }

    #[test]
    fn nothing_else_does() {
        let digest = consumers()[0].keys[0].clone();
        for key in ["", "OLD", "old ", "sha256:", &digest] {
            assert_eq!(find(&consumers(), key), None);
        }
    }
}
