//! Bearer tokens: valid ones, as the cloud's issuer signs them, and invalid ones.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::Cloud;

/// Every token of [`Issuer::sign`] begins with this: its header, and the opening quote of its claims.
pub const TOKEN_MARK: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ";

/// The issuer. No `Debug`, because it holds the signing key.
#[derive(Clone)]
pub struct Issuer {
    iss: String,
    aud: String,
    secret: String,
}

impl Issuer {
    /// The issuer whose key is in the cloud's secret.
    pub async fn of(cloud: &Cloud) -> Result<Self> {
        let callers = cloud.aws.secret(&format!("{}/control/callers", cloud.secret_prefix()?)).await?;
        // A test may have put other issuers beside it.
        let jwt = callers["jwt"].get("issuers").map_or(&callers["jwt"], |list| &list[0]);
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no jwt in the secret");
        Ok(Self { iss: text(&jwt["issuer"])?, aud: text(&jwt["audience"])?, secret: text(&jwt["keys"][0]["secret"])? })
    }

    /// Valid claims for `subject`, which expire after ten minutes.
    pub fn claims(&self, subject: &str) -> Result<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(json!({ "iss": self.iss, "aud": self.aud, "sub": subject, "iat": now, "exp": now + 600 }))
    }

    /// A token with these claims and a valid signature.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        signed(&json!({ "alg": "HS256", "typ": "JWT" }), claims, self.secret.as_bytes())
    }

    /// The token of an administrator.
    pub fn admin(&self) -> Result<String> {
        let mut claims = self.claims("somebody")?;
        claims["role"] = json!("admin");
        Ok(self.sign(&claims))
    }

    /// A tenant's own token.
    pub fn tenant(&self, tenant_id: &str) -> Result<String> {
        let mut claims = self.claims(tenant_id)?;
        claims["role"] = json!("tenant");
        Ok(self.sign(&claims))
    }

    /// A token with another header and a valid signature.
    #[must_use]
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, self.secret.as_bytes())
    }
}

/// A compact JWS. It is signed with HMAC-SHA256, even if its header names another algorithm.
#[must_use]
pub fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
