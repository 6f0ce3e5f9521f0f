//! API keys of a project: the current kind (`sb_…`, opaque) and the legacy kind (JWTs signed with the project's
//! secret).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString as _};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// Ten years, as Supabase signs its legacy keys.
const LEGACY_KEY_SECONDS: i64 = 10 * 365 * 24 * 3600;

/// The credentials of one project. No `Debug`, because most of them are secret.
#[derive(Clone)]
pub(crate) struct ApiKeys {
    /// `None` once it was deleted.
    pub publishable: Option<OpaqueKey>,
    /// `None` once it was deleted.
    pub secret: Option<OpaqueKey>,
    pub anon: String,
    pub service_role: String,
    /// Whether `anon` and `service_role` are accepted. They are switched together.
    pub legacy_enabled: bool,
    signing: hmac::Key,
}

/// A key of the current kind.
#[derive(Clone)]
pub(crate) struct OpaqueKey {
    pub id: Uuid,
    pub value: String,
}

impl OpaqueKey {
    pub(crate) fn generate(kind: &str) -> Self {
        Self { id: Uuid::new_v4(), value: format!("sb_{kind}_{}_{}", random(22), random(8)) }
    }
}

/// The roles a legacy key or a session can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Anon,
    Authenticated,
    #[serde(rename = "service_role")]
    Service,
}

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Publishable,
    Secret,
    Legacy,
    /// A legacy key that is known, and disabled.
    DisabledLegacy,
}

/// Why a bearer token is not valid. The texts are those of the JWT library that Auth uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwtError {
    #[error("token is malformed: token contains an invalid number of segments")]
    Segments,
    #[error("token is malformed: could not JSON decode the token")]
    Malformed,
    #[error("token signature is invalid: signature is invalid")]
    Signature,
    #[error("token has invalid claims: token is expired")]
    Expired,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    role: String,
    exp: Option<i64>,
}

impl ApiKeys {
    pub(crate) fn generate(reference: &str) -> Self {
        // 64 characters of 5.95 bits each are more than the 256 bits that an HS256 secret should have.
        let signing = hmac::Key::new(hmac::HMAC_SHA256, random(64).as_bytes());
        let legacy = |role: Role| {
            let now = Timestamp::now().as_second();
            let claims =
                json!({"iss": "supabase", "ref": reference, "role": role, "iat": now, "exp": now + LEGACY_KEY_SECONDS});
            sign(&signing, &claims)
        };
        Self {
            publishable: Some(OpaqueKey::generate("publishable")),
            secret: Some(OpaqueKey::generate("secret")),
            anon: legacy(Role::Anon),
            service_role: legacy(Role::Service),
            legacy_enabled: true,
            signing,
        }
    }

    /// The kind of this key, if it is one of the project's.
    pub(crate) fn kind(&self, key: &str) -> Option<KeyKind> {
        let is = |own: &Option<OpaqueKey>| own.as_ref().is_some_and(|own| own.value == key);
        if is(&self.secret) {
            Some(KeyKind::Secret)
        } else if is(&self.publishable) {
            Some(KeyKind::Publishable)
        } else if key == self.anon || key == self.service_role {
            Some(if self.legacy_enabled { KeyKind::Legacy } else { KeyKind::DisabledLegacy })
        } else {
            None
        }
    }

    /// An access token for a user who has just accepted an invitation.
    pub(crate) fn session(&self, user: Uuid, seconds: i64) -> String {
        let now = Timestamp::now().as_second();
        let claims =
            json!({"sub": user, "role": Role::Authenticated, "aud": "authenticated", "iat": now, "exp": now + seconds});
        sign(&self.signing, &claims)
    }

    /// The `role` claim of a token that this project signed.
    pub(crate) fn role(&self, token: &str) -> Result<String, JwtError> {
        let segments: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = segments.as_slice() else { return Err(JwtError::Segments) };
        let header: Header = decode(header)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Malformed)?;
        let (signed, _) = token.rsplit_once('.').ok_or(JwtError::Segments)?;
        if header.alg != "HS256" || hmac::verify(&self.signing, signed.as_bytes(), &signature).is_err() {
            return Err(JwtError::Signature);
        }
        let claims: Claims = decode(claims)?;
        match claims.exp {
            Some(exp) if exp <= Timestamp::now().as_second() => Err(JwtError::Expired),
            _ => Ok(claims.role),
        }
    }
}

/// Letters and digits from a cryptographic generator.
pub(crate) fn random(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

fn decode<T: for<'de> Deserialize<'de>>(segment: &str) -> Result<T, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(segment).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}

fn sign(key: &hmac::Key, claims: &serde_json::Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::{ApiKeys, JwtError, sign};
    use serde_json::json;

    #[test]
    fn a_token_is_valid_with_this_projects_signature_until_it_expires() {
        let keys = ApiKeys::generate("abcdefghijklmnopqrst");
        let other = ApiKeys::generate("abcdefghijklmnopqrst");
        assert_eq!(keys.role(&keys.service_role).as_deref(), Ok("service_role"));
        assert_eq!(keys.role(&keys.anon).as_deref(), Ok("anon"));
        assert_eq!(keys.role(&other.service_role), Err(JwtError::Signature));
        assert_eq!(keys.role("garbage"), Err(JwtError::Segments));
        assert_eq!(keys.role("a.b.c"), Err(JwtError::Malformed));
        let expired = sign(&keys.signing, &json!({"role": "service_role", "exp": 1}));
        assert_eq!(keys.role(&expired), Err(JwtError::Expired));
        let forever = sign(&keys.signing, &json!({"role": "service_role"}));
        assert_eq!(keys.role(&forever).as_deref(), Ok("service_role"));
    }
}
