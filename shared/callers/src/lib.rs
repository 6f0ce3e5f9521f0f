//! Who is calling: API keys against their digests in the secret `control/callers`.

use std::time::Duration;

use domain::Failure;
use secrets::{Name, Secrets};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the secret is believed. Together with the gateway's cache of the authorizer's answers (45 s in the
/// template) a revoked key stops working within 60 s.
const BELIEVED: Duration = Duration::from_secs(10);

/// The secret `control/callers`.
#[derive(Debug, Deserialize)]
struct CallersSecret {
    consumers: Vec<Consumer>,
}

#[derive(Debug, Deserialize)]
struct Consumer {
    name: String,
    groups: Vec<String>,
    /// `sha256:{hex}`, several for rotation.
    keys: Vec<String>,
}

/// A caller who proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The consumer's name.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
}

/// Whom this installation knows.
pub struct Callers {
    secrets: Secrets,
    known: Mutex<Option<(Instant, CallersSecret)>>,
}

impl Callers {
    /// Knows whoever the secret names.
    #[must_use]
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, known: Mutex::new(None) }
    }

    /// The consumer whose key this is; `None` for a key nobody has.
    pub async fn by_api_key(&self, key: &str) -> Result<Option<Principal>, Failure> {
        let mut known = self.known.lock().await;
        if known.as_ref().is_none_or(|(read_at, _)| read_at.elapsed() > BELIEVED) {
            *known = Some((Instant::now(), self.secrets.read(Name::Control("callers")).await?));
        }
        Ok(known.as_ref().and_then(|(_, secret)| find(secret, key)))
    }
}

/// Compares digests, never keys: what the comparison's duration could tell is a digest's prefix, from which no key follows.
fn find(secret: &CallersSecret, key: &str) -> Option<Principal> {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(key)));
    let consumer = secret.consumers.iter().find(|consumer| consumer.keys.contains(&digest))?;
    Some(Principal { name: consumer.name.clone(), groups: consumer.groups.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> CallersSecret {
        CallersSecret {
            consumers: vec![Consumer {
                name: "platform".to_owned(),
                groups: vec!["admin".to_owned()],
                // sha256 of "old" and of "new".
                keys: ["old", "new"].map(|key| format!("sha256:{}", hex::encode(Sha256::digest(key)))).to_vec(),
            }],
        }
    }

    #[test]
    fn both_keys_of_a_rotation_work() {
        for key in ["old", "new"] {
            assert_eq!(find(&secret(), key).expect("known").name, "platform");
        }
    }

    #[test]
    fn nothing_else_does() {
        let digest = secret().consumers[0].keys[0].clone();
        for key in ["", "OLD", "old ", "sha256:", &digest] {
            assert_eq!(find(&secret(), key), None);
        }
    }
}
