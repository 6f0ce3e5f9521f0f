//! Who is calling: API keys against their digests, bearer tokens against their keys, both in the secret `control/callers`.

mod api_key;
mod bearer;
mod claims;
#[cfg(test)]
mod fixtures;
mod jwks;
mod key;
mod token;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::Failure;
use secrets::{Name, Secrets, Source};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use api_key::Consumer;
pub use api_key::Principal;
pub use bearer::Bearer;
use bearer::{Jwt, Malformed, Now};
use token::Token;

/// How long the secret is believed. Together with the gateway's cache of the authorizer's answers (45 s in the
/// template) a revoked key stops working within 60 s.
const BELIEVED: Duration = Duration::from_secs(10);

/// The secret `control/callers`.
#[derive(Deserialize)]
struct CallersSecret {
    consumers: Vec<Consumer>,
    /// Read on its own, since a mistake in it must not lock out API keys.
    #[serde(default)]
    jwt: Option<Value>,
}

/// What the secret says.
struct Known {
    consumers: Vec<Consumer>,
    jwt: Option<Result<Jwt, Malformed>>,
}

impl Known {
    fn new(secret: CallersSecret, before: Option<&Self>) -> Self {
        let before = before.and_then(|before| before.jwt.as_ref()?.as_ref().ok());
        Self { consumers: secret.consumers, jwt: secret.jwt.map(|jwt| Jwt::parse(jwt, before)) }
    }
}

/// Whom this installation knows.
pub struct Callers {
    source: Source<CallersSecret>,
    /// Since when, by the wall clock: a monotonic one may stand still while the environment is frozen.
    known: Mutex<Option<(SystemTime, Arc<Known>)>>,
}

impl Callers {
    /// Knows whoever the secret names.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a client is handed over, whatever becomes of it inside")]
    pub fn new(secrets: Secrets) -> Self {
        Self::from_source(secrets.source(Name::Control("callers")))
    }

    fn from_source(source: Source<CallersSecret>) -> Self {
        Self { source, known: Mutex::new(None) }
    }

    /// The consumer whose key this is; `None` for a key nobody has.
    pub async fn by_api_key(&self, key: &str) -> Result<Option<Principal>, Failure> {
        Ok(api_key::find(&self.known().await?.consumers, key))
    }

    /// Whom the token in an `Authorization` header's value is about; `None` for anything that is no valid token. An error
    /// means that it could not be found out: the secret or its `jwt` object is unreadable, or the issuer's keys are needed
    /// and cannot be had.
    pub async fn by_bearer(&self, authorization_header: &str) -> Result<Option<Bearer>, Failure> {
        self.by_bearer_at(authorization_header, Now::read()).await
    }

    async fn by_bearer_at(&self, authorization_header: &str, now: Now) -> Result<Option<Bearer>, Failure> {
        let verified = match Token::from_header(authorization_header) {
            Err(refused) => Err(refused),
            Ok(token) => match &self.known().await?.jwt {
                None => return Ok(None),
                Some(Err(malformed)) => return Err(malformed.failure()),
                Some(Ok(jwt)) => jwt.verify(&token, now).await?,
            },
        };
        Ok(verified.inspect_err(|refused| tracing::info!(?refused, "not a valid token")).ok())
    }

    async fn known(&self) -> Result<Arc<Known>, Failure> {
        let mut known = self.known.lock().await;
        match known.as_ref() {
            Some((read_at, known)) if read_at.elapsed().is_ok_and(|age| age <= BELIEVED) => Ok(Arc::clone(known)),
            before => {
                let secret = (self.source)().await?;
                let read = Arc::new(Known::new(secret, before.map(|(_, before)| before.as_ref())));
                *known = Some((SystemTime::now(), Arc::clone(&read)));
                Ok(read)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::{FailureKind, Owner};
    use serde_json::json;

    use super::*;
    use crate::fixtures::{SECRET, bearer, claims, hs256, now};

    /// Callers of this secret, and how often it was read.
    fn callers(secret: Value) -> (Callers, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let source: Source<CallersSecret> = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let secret = serde_json::from_value(secret.clone()).map_err(|_| unreadable());
            Box::pin(async move { secret })
        });
        (Callers::from_source(source), reads)
    }

    fn unreadable() -> Failure {
        Failure::new(FailureKind::Rejected, "secret_malformed", Owner::Platform, "Unreadable.")
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
    async fn a_token_is_judged_by_todays_clock() {
        let (callers, _) = callers(secret(&jwt()));
        let unix = Now::read().unix.as_secs();
        for (expires, valid) in [(unix + 60, true), (unix - 60, false)] {
            let claims = claims(json!({ "iat": unix - 120, "nbf": unix - 120, "exp": expires }));
            let token = bearer(&json!({ "alg": "HS256" }), &claims, hs256(SECRET));
            assert_eq!(callers.by_bearer(&token).await.expect("found out").is_some(), valid);
        }
    }

    #[tokio::test]
    async fn what_is_no_token_is_nobody_and_costs_nothing() {
        let (callers, reads) = callers(secret(&jwt()));
        for header in ["", "Bearer", "Bearer a.b.c", "Basic YTpi", "Bearer eyJhbGciOiJub25lIn0.e30."] {
            assert_eq!(callers.by_bearer(header).await, Ok(None), "{header}");
        }
        assert_eq!(reads.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn without_the_object_no_token_is_valid() {
        let mut without = secret(&Value::Null);
        without.as_object_mut().expect("an object").remove("jwt");
        for secret in [without, secret(&Value::Null)] {
            let (callers, _) = callers(secret);
            assert_eq!(callers.by_bearer_at(&token(), now()).await, Ok(None));
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
            assert_eq!((failure.cause.code.as_str(), failure.cause.owner), ("callers_jwt_malformed", Owner::Platform));
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
        assert_eq!(reads.load(Ordering::SeqCst), 2, "a failure is not kept");
    }
}
