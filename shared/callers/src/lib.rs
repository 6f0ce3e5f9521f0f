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
use std::time::Duration;

use domain::Failure;
use secrets::{Name, Secrets, Source};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

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
    known: Mutex<Option<(Instant, Arc<Known>)>>,
}

impl Callers {
    /// Knows whoever the secret names.
    #[must_use]
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
            Some((read_at, known)) if read_at.elapsed() <= BELIEVED => Ok(Arc::clone(known)),
            before => {
                let secret = (self.source)().await?;
                let read = Arc::new(Known::new(secret, before.map(|(_, before)| before.as_ref())));
                *known = Some((Instant::now(), Arc::clone(&read)));
                Ok(read)
            }
        }
    }
}
