//! Bearer tokens for the local cloud.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a token is good for: a working day.
pub const HOURS: u64 = 12;

/// What the authorizer expects of a token.
#[derive(Clone, Serialize, Deserialize)]
pub struct Jwt {
    pub issuer: String,
    pub audience: String,
    /// HS256 key.
    pub secret: String,
}

impl Jwt {
    /// As the secret control/callers has it.
    pub fn entry(&self) -> Value {
        json!({
            "issuer": self.issuer, "audience": self.audience, "role_claim": "role",
            "keys": [{ "kid": null, "alg": "HS256", "secret": self.secret }],
            "jwks_url": null,
        })
    }

    /// A token with the role `admin`.
    pub fn admin(&self) -> anyhow::Result<String> {
        self.mint("local-operator", "admin")
    }

    /// The token of the tenant with this id.
    pub fn tenant(&self, id: &str) -> anyhow::Result<String> {
        self.mint(id, "tenant")
    }

    fn mint(&self, subject: &str, role: &str) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs();
        let claims = json!({
            "iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + HOURS * 60 * 60, "sub": subject, "role": role,
        });
        Ok(self.sign(&claims))
    }

    fn sign(&self, claims: &Value) -> String {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&json!({ "alg": "HS256", "typ": "JWT" })), encode(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_token_has_the_role_of_tenants() {
        let jwt = Jwt { issuer: "i".into(), audience: "a".into(), secret: "s".into() };
        let claims = |token: String| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
        };
        let tenant = claims(jwt.tenant("t-1").unwrap());
        assert_eq!((&tenant["sub"], &tenant["role"]), (&json!("t-1"), &json!("tenant")));
        assert_eq!(claims(jwt.admin().unwrap())["role"], "admin");
    }

    #[test]
    fn the_signature_is_the_standards() {
        // Computed with Python's hmac and base64.
        let jwt = Jwt { issuer: String::new(), audience: String::new(), secret: "your-256-bit-secret".into() };
        let token = jwt.sign(&json!({ "sub": "1" }));
        assert_eq!(
            token,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.rTCH8cLoGxAm_xw68z-zXVKi9ie6xJn9tnVWjd_9ftE"
        );
    }
}
