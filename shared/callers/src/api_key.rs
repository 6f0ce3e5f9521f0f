//! API keys. The secret holds only their digests.

use domain::{Actor, CauseCode, Failure};
use secrets::ConsumerSecret;
use sha2::{Digest, Sha256};

/// How much of a digest is shown: enough to tell a consumer's keys apart, and what `keys revoke` takes.
const SHOWN: usize = 8;

/// A caller who was identified by an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The consumer's name.
    pub name: String,
    /// The beginning of the digest of the key that was used, in hexadecimal.
    pub digest: String,
    /// The groups it is in.
    pub groups: Vec<String>,
}

impl Principal {
    /// Who that is.
    #[must_use]
    pub fn actor(&self) -> Actor<'_> {
        Actor::ApiKey { consumer: &self.name, digest: &self.digest }
    }
}

/// The consumer that has this key. Digests are compared, not keys, so the time that a comparison takes reveals nothing
/// about a key.
pub(crate) fn find(consumers: &[ConsumerSecret], key: &str) -> Result<Option<Principal>, Failure> {
    let digest = hex::encode(Sha256::digest(key));
    let known = format!("sha256:{digest}");
    let Some(consumer) = consumers.iter().find(|consumer| consumer.keys.contains(&known)) else { return Ok(None) };
    let ConsumerSecret { name, groups, .. } = consumer;
    if !consumer.unknown.is_empty() {
        let shown: String = name.chars().filter(|it| !it.is_control()).take(60).collect();
        return Err(Failure::with_detail(CauseCode::CallersConsumerMalformed, shown));
    }
    Ok(Some(Principal { name: name.clone(), digest: digest[..SHOWN].to_owned(), groups: groups.clone() }))
}

#[cfg(test)]
mod tests {
    use secrets::Unknown;

    use super::*;

    fn consumers() -> Vec<ConsumerSecret> {
        vec![ConsumerSecret {
            name: "platform".to_owned(),
            groups: vec!["admin".to_owned()],
            // sha256 of "old" and of "new".
            keys: ["old", "new"].map(|key| format!("sha256:{}", hex::encode(Sha256::digest(key)))).to_vec(),
            unknown: Unknown::default(),
        }]
    }

    #[test]
    fn both_keys_of_a_rotation_are_the_same_consumers_and_can_be_told_apart() {
        let [old, new] = ["old", "new"].map(|key| find(&consumers(), key).expect("found out").expect("known"));
        assert_eq!(old.actor().identity(), "api_key:platform");
        assert_eq!(new.actor().identity(), "api_key:platform");
        // The first 8 of what `sha256sum` says of each.
        assert_eq!(old.actor().to_string(), "api_key:platform#cba06b57");
        assert_eq!(new.actor().to_string(), "api_key:platform#11507a0e");
    }

    #[test]
    fn no_other_text_works() {
        let digest = consumers()[0].keys[0].clone();
        for key in ["", "OLD", "old ", "sha256:", &digest] {
            assert_eq!(find(&consumers(), key), Ok(None));
        }
    }
}
