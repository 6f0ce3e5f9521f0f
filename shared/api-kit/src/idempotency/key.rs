//! Finds the record of a request, and tells whether that record belongs to the same request.

use sha2::{Digest, Sha256};

use crate::{Problem, Request};

/// A request's identity, as digests. A record holds neither keys nor bodies, because they may contain credentials.
pub struct Identity {
    /// Identifies the record: caller, route, key.
    pub record: String,
    /// Identifies the request: path, preconditions, body.
    pub request: String,
}

impl Identity {
    /// The identity of a request that carries a key.
    pub fn of(request: &Request, route: &str) -> Result<Option<Self>, Problem> {
        let Some(key) = request.idempotency_key()? else { return Ok(None) };
        let [if_match, if_none_match] = ["if-match", "if-none-match"].map(|name| request.list_header(name));
        let [if_match, if_none_match] = [if_match?, if_none_match?].map(Option::unwrap_or_default);
        Ok(Some(Self {
            record: digest(&[request.caller.identity().as_bytes(), route.as_bytes(), key.as_bytes()]),
            request: digest(&[
                request.tenant().as_bytes(),
                if_match.as_bytes(),
                if_none_match.as_bytes(),
                request.body(),
            ]),
        }))
    }
}

/// The digest of the parts and their lengths. So two different lists of parts have different digests.
fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"", b"a"]), digest(&[b"a", b""]));
        assert_eq!(digest(&[b"a"]), digest(&[b"a"]));
    }
}
