//! Identifies callers: API keys and bearer tokens, verified with the secret `control/callers`.

#![warn(missing_docs)]

mod algorithm;
mod api_key;
mod claims;
#[cfg(test)]
mod fixtures;
mod jwks;
mod jwt;
mod key;
mod now;
mod token;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::Failure;
use lambda_kit::{Memory, Read, needs};
use secrets::{CallersSecret, ConsumerSecret};
use tokio::sync::Mutex;

pub use api_key::Principal;
pub use claims::Bearer;
use jwt::{Jwt, Malformed};
use now::Now;
pub use token::Refused;
use token::Token;

/// How long the secret is used without reading it again. The gateway keeps the authorizer's answers for 45 s (see the
/// template), so a revoked key stops working within 60 s.
const REUSED: Duration = Duration::from_secs(10);

/// The secret as it was last read.
struct Known {
    /// Measured with the wall clock: a monotonic clock may stand still while the process is frozen.
    read_at: SystemTime,
    consumers: Vec<ConsumerSecret>,
    jwt: Option<Result<Jwt, Malformed>>,
}

impl Known {
    fn new(secret: CallersSecret, before: Option<&Self>) -> Self {
        let before = before.and_then(|before| before.jwt.as_ref()?.as_ref().ok());
        let jwt = secret.jwt.map(|jwt| Jwt::parse(&jwt, before));
        Self { read_at: SystemTime::now(), consumers: secret.consumers, jwt }
    }
}

needs! {
    /// All callers of this installation.
    pub struct Callers {
        secret: Read<CallersSecret>,
        known: Memory<Mutex<Option<Arc<Known>>>>,
    }
}

impl Callers {
    /// The consumer that has this key. `None` if there is none.
    pub async fn by_api_key(&self, key: &str) -> Result<Option<Principal>, Failure> {
        Ok(api_key::find(&self.known().await?.consumers, key))
    }

    /// The caller that the token in an `Authorization` header's value is about, or why it is not a valid token. A failure
    /// means that the token could not be verified: the secret or its `jwt` object is unreadable, or the issuer's keys are
    /// needed and could not be fetched.
    pub async fn by_bearer(&self, authorization_header: &str) -> Result<Result<Bearer, Refused>, Failure> {
        self.by_bearer_at(authorization_header, Now::read()).await
    }

    async fn by_bearer_at(&self, authorization_header: &str, now: Now) -> Result<Result<Bearer, Refused>, Failure> {
        let token = match Token::from_header(authorization_header) {
            Err(refused) => return Ok(Err(refused)),
            Ok(token) => token,
        };
        match &self.known().await?.jwt {
            None => Ok(Err(Refused::NoIssuer)),
            Some(Err(malformed)) => Err(malformed.failure()),
            Some(Ok(jwt)) => jwt.verify(&token, now).await,
        }
    }

    async fn known(&self) -> Result<Arc<Known>, Failure> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && known.read_at.elapsed().is_ok_and(|age| age <= REUSED)
        {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(Known::new(self.secret.read().await?, known.as_deref()));
        *known = Some(Arc::clone(&read));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::CauseCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{SECRET, bearer, claims, hs256, now};

    /// Callers of this secret, and how often it was read.
    fn callers(secret: Value) -> (Callers, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let secret = Read::from_fn(move |()| {
            counted.fetch_add(1, Ordering::SeqCst);
            let secret = serde_json::from_value(secret.clone()).map_err(|_| unreadable());
            async { secret }
        });
        (Callers { secret, known: Memory::default() }, reads)
    }

    fn unreadable() -> Failure {
        CauseCode::SecretMalformed.into()
    }

    fn secret(jwt: &Value) -> Value {
        // sha256 of "key".
        let digest = "sha256:2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
        json!({ "consumers": [{ "name": "platform", "groups": ["admin"], "keys": [digest] }], "jwt": jwt })
    }

    fn jwt() -> Value {
        json!({ "issuer": "issuer", "audience": "audience", "keys": [{ "kid": null, "alg": "HS256", "secret": SECRET }] })
    }

    fn token() -> String {
        bearer(&json!({ "alg": "HS256" }), &claims(json!({})), hs256(SECRET))
    }

    #[tokio::test]
    async fn one_reading_serves_keys_and_tokens() {
        let (callers, reads) = callers(secret(&jwt()));
        for _ in 0..2 {
            assert_eq!(callers.by_api_key("key").await.expect("found out").expect("known").name, "platform");
            let bearer = callers.by_bearer_at(&token(), now()).await.expect("found out").expect("good");
            assert_eq!((bearer.subject.as_str(), bearer.roles), ("subject", vec!["admin".to_owned()]));
        }
        assert_eq!(callers.by_api_key("another").await.expect("found out"), None);
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_token_is_verified_at_the_current_time() {
        let (callers, _) = callers(secret(&jwt()));
        let unix = Now::read().0.as_secs();
        for (expires, valid) in [(unix + 60, true), (unix - 60, false)] {
            let claims = claims(json!({ "iat": unix - 120, "nbf": unix - 120, "exp": expires }));
            let token = bearer(&json!({ "alg": "HS256" }), &claims, hs256(SECRET));
            assert_eq!(callers.by_bearer(&token).await.expect("found out").is_ok(), valid);
        }
    }

    #[tokio::test]
    async fn a_malformed_token_does_not_read_the_secret() {
        let (callers, reads) = callers(secret(&jwt()));
        for header in ["", "Bearer", "Bearer a.b.c", "Basic YTpi", "Bearer eyJhbGciOiJub25lIn0.e30."] {
            assert!(callers.by_bearer(header).await.expect("found out").is_err(), "{header}");
        }
        assert_eq!(reads.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn without_the_object_no_token_is_valid() {
        let mut without = secret(&Value::Null);
        without.as_object_mut().expect("an object").remove("jwt");
        for secret in [without, secret(&Value::Null)] {
            let (callers, _) = callers(secret);
            assert_eq!(callers.by_bearer_at(&token(), now()).await, Ok(Err(Refused::NoIssuer)));
            assert!(callers.by_api_key("key").await.expect("found out").is_some());
        }
    }

    #[tokio::test]
    async fn a_malformed_object_locks_out_tokens_only() {
        for malformed in [
            json!("jwt"),
            json!({ "issuer": "i", "audience": "a", "keys": [{ "alg": "none", "secret": SECRET }] }),
            json!({ "issuer": "i", "audience": "a", "keys": [{ "alg": "HS256", "secret": "not so secret" }] }),
            json!({ "issuer": "i", "audience": "a", "jwks_url": "http://issuer.example/" }),
        ] {
            let (callers, _) = callers(secret(&malformed));
            let failure = callers.by_bearer_at(&token(), now()).await.expect_err("malformed");
            assert_eq!(failure.code(), CauseCode::CallersJwtMalformed);
            for value in ["not so secret", SECRET, "issuer.example"] {
                assert!(!failure.to_string().contains(value), "{failure}");
            }
            assert!(callers.by_api_key("key").await.expect("found out").is_some());
        }
    }

    #[tokio::test]
    async fn an_unreadable_secret_is_a_failure_of_both() {
        let (callers, reads) = callers(json!({}));
        assert_eq!(callers.by_bearer_at(&token(), now()).await, Err(unreadable()));
        assert_eq!(callers.by_api_key("key").await, Err(unreadable()));
        assert_eq!(reads.load(Ordering::SeqCst), 2, "a failure is not cached");
    }
}
