//! API keys. The secret holds only their digests.

use secrets::ConsumerSecret;
use sha2::{Digest, Sha256};

/// A caller who was identified by an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The consumer's name.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
}

/// The consumer that has this key. Digests are compared, not keys, so the time that a comparison takes reveals nothing
/// about a key.
pub(crate) fn find(consumers: &[ConsumerSecret], key: &str) -> Option<Principal> {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(key)));
    let consumer = consumers.iter().find(|consumer| consumer.keys.contains(&digest))?;
    Some(Principal { name: consumer.name.clone(), groups: consumer.groups.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumers() -> Vec<ConsumerSecret> {
        vec![ConsumerSecret {
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
    fn no_other_text_works() {
        let digest = consumers()[0].keys[0].clone();
        for key in ["", "OLD", "old ", "sha256:", &digest] {
            assert_eq!(find(&consumers(), key), None);
        }
    }
}
