//! Identifies callers: API keys and bearer tokens, verified with the secret `control/callers`.

#![warn(missing_docs)]

mod api_key;
#[cfg(test)]
mod fixtures;
mod jwks;
mod jwt;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::{CauseCode, Failure};
use lambda_kit::{Memory, Read, needs};
use secrets::{CallersSecret, ConsumerSecret};
use tokens::{Now, Refusal, Token};
use tokio::sync::Mutex;

pub use api_key::Principal;
use jwt::Jwt;
pub use tokens::{Bearer, Rule, Seen};

/// How long the secret is used without reading it again. The gateway keeps the authorizer's answers for 45 s (see the
/// template), so a revoked key stops working within 60 s.
const REUSED: Duration = Duration::from_secs(10);

/// Why a token is not valid. For the log only: the caller is not told why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The rule that it breaks.
    pub refusal: Refusal,
    /// If no key made its signature: how long the issuer's keys are not asked for again. A key that was published meanwhile
    /// is found then.
    pub asked_again_in: Option<Duration>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, asked_again_in: None }
    }
}

impl From<Rule> for Refused {
    fn from(rule: Rule) -> Self {
        Refusal::from(rule).into()
    }
}

/// The secret as it was last read.
struct Known {
    /// Measured with the wall clock: a monotonic clock may stand still while the process is frozen.
    read_at: SystemTime,
    consumers: Vec<ConsumerSecret>,
    jwt: Option<Result<Jwt, Failure>>,
}

impl Known {
    fn new(secret: CallersSecret, before: Option<&Self>) -> Self {
        let before = before.and_then(|before| before.jwt.as_ref()?.as_ref().ok());
        // A field beside the two may be `jwt` misspelt: then tokens are refused with that cause, and not for ever.
        let jwt = match secret.unknown.first() {
            Some(name) => Some(Err(Failure::with_detail(CauseCode::CallersJwtMalformed, unknown(name)))),
            None => secret.jwt.map(|jwt| Jwt::parse(&jwt, before)),
        };
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
    /// The consumer that has this key. `None` if there is none. A failure means that the secret is unreadable, or that this
    /// consumer has a field that is not known: it may have been meant to take something away from it.
    pub async fn by_api_key(&self, key: &str) -> Result<Option<Principal>, Failure> {
        api_key::find(&self.known().await?.consumers, key)
    }

    /// The caller that the token in an `Authorization` header's value is about, or why it is not a valid token. A failure
    /// means that the token could not be verified: the secret or its `jwt` object is unreadable, or the issuer's keys are
    /// needed and could not be fetched.
    pub async fn by_bearer(&self, authorization_header: &str) -> Result<Result<Bearer, Refused>, Failure> {
        self.by_bearer_at(authorization_header, Now::read()).await
    }

    async fn by_bearer_at(&self, authorization_header: &str, now: Now) -> Result<Result<Bearer, Refused>, Failure> {
        let token = match Token::from_header(authorization_header) {
            Err(rule) => return Ok(Err(rule.into())),
            Ok(token) => token,
        };
        match &self.known().await?.jwt {
            None => Ok(Err(Rule::NoIssuer.into())),
            Some(Err(failure)) => Err(failure.clone()),
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

/// A name of somebody's own, in the words of the other mistakes.
fn unknown(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
    format!("{name} is not a known field beside it; known are consumers and jwt")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::CauseCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::now;
    use test_tokens::{SECRET, bearer, claims, hs256};

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
            assert_eq!(callers.by_bearer_at(&token(), now()).await, Ok(Err(Rule::NoIssuer.into())));
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
            json!({ "issuer": "i", "audience": "a", "jwks_uri": "https://issuer.example/" }),
            json!({ "issuer": "i", "audience": "a" }),
            json!({ "issuers": [{ "issuer": "i", "audience": "a" }] }),
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

    #[tokio::test]
    async fn a_field_beside_the_two_is_a_cause_for_tokens_only() {
        let mut misspelt = secret(&Value::Null);
        let object = misspelt.as_object_mut().expect("an object");
        object.remove("jwt");
        object.insert("JWT".to_owned(), jwt());
        let (callers, _) = callers(misspelt);
        let failure = callers.by_bearer_at(&token(), now()).await.expect_err("misspelt");
        assert_eq!(failure.code(), CauseCode::CallersJwtMalformed);
        assert!(failure.hint().contains("JWT is not a known field"), "{failure}");
        assert!(callers.by_api_key("key").await.expect("found out").is_some());
    }

    #[tokio::test]
    async fn a_consumer_with_an_unknown_field_locks_out_itself_only() {
        let mut two = secret(&jwt());
        let mut other = two["consumers"][0].clone();
        // sha256 of "old".
        let digest = "sha256:cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";
        other
            .as_object_mut()
            .expect("an object")
            .extend([("name".to_owned(), json!("limited")), ("keys".to_owned(), json!([digest]))]);
        other["expires"] = json!("2020-01-01");
        two["consumers"].as_array_mut().expect("a list").push(other);
        let (callers, _) = callers(two);
        assert!(callers.by_api_key("key").await.expect("found out").is_some());
        let failure = callers.by_api_key("old").await.expect_err("it may have ended");
        assert_eq!(failure.code(), CauseCode::CallersConsumerMalformed);
        assert!(failure.hint().contains("limited"), "{failure}");
        assert!(callers.by_bearer_at(&token(), now()).await.expect("found out").is_ok());
    }
}
