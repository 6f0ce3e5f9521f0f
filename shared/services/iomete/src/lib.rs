//! IOMETE: an Iceberg REST catalog behind a gateway that requires a token.
//!
//! A catalog's address is `https://{console}/catalogs/{catalog}`. Below it are the routes of Iceberg's REST
//! specification (sources: iomete/iom-docs, user-guide/spark-catalogs/internal.md; apache/iceberg,
//! rest-catalog-open-api.yaml). IOMETE documents no health endpoint for a catalog. Every client of a catalog calls
//! `GET /v1/config` first, and this call passes the gateway, the check of the token and the catalog. Its answer says the
//! prefix of the catalog's other routes.

#![warn(missing_docs)]

mod error;
mod namespaces;

use std::time::Duration;

use http_kit::Answer;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

pub use error::ProbeError;
pub use namespaces::Catalog;

/// A client of one catalog.
pub struct Iomete {
    http: reqwest::Client,
    base_url: String,
    token: SecretString,
}

impl Iomete {
    /// A client of the catalog at `base_url`, e.g. `https://console.example.com/catalogs/ivory`. A call takes at most
    /// `timeout`, from connecting to the last byte.
    #[must_use]
    pub fn new(base_url: &str, token: SecretString, timeout: Duration) -> Self {
        let http = http_kit::client_without_reuse(timeout);
        Self { http, base_url: base_url.trim_end_matches('/').to_owned(), token }
    }

    /// Asks for the catalog's configuration, with one request on a new connection. The request is not repeated.
    pub async fn probe(&self) -> Result<(), ProbeError> {
        self.configuration().await.map(drop)
    }

    async fn configuration(&self) -> Result<Answer, ProbeError> {
        let request = self.http.get(format!("{}/v1/config", self.base_url)).bearer_auth(self.token.expose_secret());
        let answer = http_kit::send(request).await?;
        if !answer.status.is_success() {
            return Err(ProbeError::Status(answer.status.as_u16()));
        }
        if is_configuration(&answer) { Ok(answer) } else { Err(ProbeError::UnexpectedAnswer) }
    }
}

/// Whether the answer is a `CatalogConfig` of the specification: an object that contains the two required objects.
fn is_configuration(answer: &Answer) -> bool {
    let config: Option<Map<String, Value>> = answer.json();
    config
        .is_some_and(|config| ["defaults", "overrides"].iter().all(|it| config.get(*it).is_some_and(Value::is_object)))
}
