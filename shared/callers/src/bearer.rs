//! Bearer tokens: JWTs against the keys of the secret's `jwt` object and those its issuer publishes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::{Failure, FailureKind, Owner};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::claims::Expected;
use crate::jwks::Jwks;
use crate::key::{Algorithm, Jwk, Key};
use crate::token::{Refused, Token};

/// A caller who proved with a token who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The token's `sub`: 1 to 255 characters without control characters.
    pub subject: String,
    /// The roles of the configured claim, in its order; none of them has a comma in it.
    pub roles: Vec<String>,
}

/// When it is.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    /// Counted from 1970, as tokens count.
    pub unix: Duration,
    /// For what is measured here.
    pub monotonic: Instant,
}

impl Now {
    pub fn read() -> Self {
        // A clock before 1970 counts as the end of time: no token is valid then.
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX);
        Self { unix, monotonic: Instant::now() }
    }
}

/// The object `jwt` of the secret `control/callers`.
#[derive(Deserialize)]
struct JwtSecret {
    issuer: String,
    audience: String,
    #[serde(default = "role")]
    role_claim: String,
    #[serde(default)]
    keys: Vec<KeySecret>,
    jwks_url: Option<String>,
}

fn role() -> String {
    "role".to_owned()
}

/// A key, with exactly one of the last three: `secret` for HS256, one of the others for RS256 and ES256.
#[derive(Deserialize)]
struct KeySecret {
    kid: Option<String>,
    alg: String,
    secret: Option<SecretString>,
    public_key_pem: Option<String>,
    jwk: Option<Jwk>,
}

impl KeySecret {
    fn key(self) -> Option<Key> {
        let alg = Algorithm::named(&self.alg)?;
        let key = match (self.secret, self.public_key_pem, self.jwk) {
            (Some(secret), None, None) => Key::from_secret(self.kid, secret.expose_secret().as_bytes()),
            (None, Some(pem), None) => Key::from_pem(self.kid, &pem),
            (None, None, Some(mut jwk)) => {
                // Named here, in the JWK, or in both alike.
                let alike = self.kid.is_none() || jwk.kid.is_none() || self.kid == jwk.kid;
                jwk.kid = self.kid.or(jwk.kid);
                Key::from_jwk(&jwk).filter(|_| alike)
            }
            _ => None,
        };
        key.filter(|key| key.alg() == alg)
    }
}

/// Why the `jwt` object cannot be used, without a value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it is not of the documented shape")]
    Shape,
    #[error("issuer, audience or role_claim is empty")]
    Empty,
    #[error("keys[{0}] has another algorithm than HS256, RS256 and ES256, or is no key of its algorithm")]
    Key(usize),
    #[error("jwks_url is not an https URL")]
    JwksUrl,
}

impl Malformed {
    /// This as a failure.
    pub fn failure(self) -> Failure {
        let hint = format!("The object jwt of the secret control/callers cannot be used: {self}; put a valid value.");
        Failure::new(FailureKind::Rejected, "callers_jwt_malformed", Owner::Platform, &hint)
    }
}

/// Who may vouch for a bearer, and what they have to say.
pub(crate) struct Jwt {
    expected: Expected,
    keys: Vec<Key>,
    jwks: Option<Arc<Jwks>>,
}

impl Jwt {
    /// Reads the object; where it still names the same URL, the keys `before` had from there are kept.
    pub fn parse(value: Value, before: Option<&Self>) -> Result<Self, Malformed> {
        let secret: JwtSecret = serde_json::from_value(value).map_err(|_| Malformed::Shape)?;
        if [&secret.issuer, &secret.audience, &secret.role_claim].iter().any(|text| text.is_empty()) {
            return Err(Malformed::Empty);
        }
        let keys = secret.keys.into_iter().enumerate();
        let keys = keys.map(|(index, key)| key.key().ok_or(Malformed::Key(index))).collect::<Result<_, _>>()?;
        let before = before.and_then(|before| before.jwks.as_ref());
        let jwks = secret.jwks_url.map(|url| match before {
            Some(jwks) if jwks.is_at(&url) => Ok(Arc::clone(jwks)),
            _ => Jwks::new(&url).map(Arc::new).ok_or(Malformed::JwksUrl),
        });
        let expected = Expected { issuer: secret.issuer, audience: secret.audience, role_claim: secret.role_claim };
        Ok(Self { expected, keys, jwks: jwks.transpose()? })
    }

    /// Whom the token is about, or why it counts for nothing; a failure where the keys it takes cannot be had.
    pub async fn verify(&self, token: &Token<'_>, now: Now) -> Result<Result<Bearer, Refused>, Failure> {
        // The claims first, although nobody vouches for them yet: no key could make these good, so none is fetched.
        let bearer = match self.expected.bearer(&token.claims, now.unix) {
            Ok(bearer) => bearer,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut signed = signed_by_one_of(&self.keys, token);
        // A shared secret is never published.
        if let (Err(_), Some(jwks), Algorithm::Rs256 | Algorithm::Es256) = (signed, &self.jwks, token.alg) {
            signed = signed_by_one_of(&jwks.keys(token.kid.as_deref(), now.monotonic).await?, token);
        }
        Ok(signed.map(|()| bearer))
    }
}

/// Only keys with the token's `kid` and algorithm are tried: the token may choose among keys, not what to do with one.
fn signed_by_one_of(keys: &[Key], token: &Token<'_>) -> Result<(), Refused> {
    let mut outcome = Err(Refused::NoKey);
    for key in keys.iter().filter(|key| key.is_named(token.kid.as_deref()) && key.alg() == token.alg) {
        if key.made(token) {
            return Ok(());
        }
        outcome = Err(Refused::Signature);
    }
    outcome
}
