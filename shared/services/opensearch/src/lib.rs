//! OpenSearch: one knn index with its alias per tenant.
//!
//! Facts about the API are from opensearch-project/documentation-website (`_api-reference/index-apis/create-index.md`,
//! `_api-reference/alias/{aliases-api,get-alias}.md`); answers are as recorded from OpenSearch 2.19.1.

mod auth;
mod error;
mod index;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use http_kit::{Answer, TransportError};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

pub use crate::auth::{Auth, client};
pub use crate::error::Error;
pub use crate::index::{Engine, IndexSpec, UnknownEngine};

/// Reads and alias changes. Together with the creation, a whole [`OpenSearch::ensure_knn_index`] takes at most 26 s, and
/// 2 s more where AWS credentials have to be fetched.
const CALL_LIMIT: Duration = Duration::from_secs(4);
/// Creating an index waits for its first shard; one that takes longer is adopted by the next try.
const CREATE_LIMIT: Duration = Duration::from_secs(10);

/// How an index came to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// It was created now.
    Created,
    /// It was there, and is what we would have created.
    Adopted,
}

/// A region's cluster or collection.
pub struct OpenSearch {
    http: reqwest::Client,
    endpoint: Url,
    auth: Auth,
}

impl fmt::Debug for OpenSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSearch").finish_non_exhaustive()
    }
}

/// `GET /_alias/{alias}`: index → its aliases → their properties.
type Holders = HashMap<String, Aliases>;

#[derive(Deserialize)]
struct Aliases {
    aliases: HashMap<String, AliasProperties>,
}

#[derive(Deserialize)]
struct AliasProperties {
    is_write_index: Option<bool>,
    filter: Option<Value>,
}

impl OpenSearch {
    /// A client of `http[s]://host[:port][/path]`.
    pub fn new(endpoint: &str, auth: Auth) -> Result<Self, Error> {
        let endpoint: Url = endpoint.parse().map_err(|_| Error::BadEndpoint)?;
        let is_plain = endpoint.username().is_empty() && endpoint.password().is_none();
        if !matches!(endpoint.scheme(), "http" | "https") || !is_plain || endpoint.query().is_some() {
            return Err(Error::BadEndpoint);
        }
        Ok(Self { http: http_kit::client(CALL_LIMIT), endpoint, auth })
    }

    /// Sees to it that the index is there with its mapping, and that the alias leads to it alone. What is there and
    /// differs is left as it is, and named in [`Error::Conflict`].
    pub async fn ensure_knn_index(&self, spec: &IndexSpec<'_>) -> Result<Ensured, Error> {
        // First, since creating the index would add it to a foreign alias, or fail as a 500.
        if self.holders(spec.alias).await?.keys().any(|holder| holder != spec.index) {
            return Err(Error::Conflict { what: "alias" });
        }
        let answer = self.call(Method::PUT, &[spec.index], Some(&spec.body())).await?;
        let ensured = if answer.status.is_success() {
            Ensured::Created
        } else if error::is_already_there(&answer) {
            self.adopt(spec).await?;
            Ensured::Adopted
        } else {
            return Err(Error::refused(&answer));
        };
        if leads_only_to(&self.holders(spec.alias).await?, spec) { Ok(ensured) } else { Err(Error::NotVisible) }
    }

    /// Compares an index that was there, and gives it its alias.
    async fn adopt(&self, spec: &IndexSpec<'_>) -> Result<(), Error> {
        let described: HashMap<String, Value> = read(&self.call(Method::GET, &[spec.index], None).await?)?;
        let found = described.get(spec.index).ok_or(Error::Unexpected)?;
        if let Some(what) = spec.difference(found) {
            return Err(Error::Conflict { what });
        }
        // Where it is there already this changes nothing, or takes away a filter.
        let add = json!({ "add": { "index": spec.index, "alias": spec.alias, "is_write_index": true } });
        let answer = self.call(Method::POST, &["_aliases"], Some(&json!({ "actions": [add] }))).await?;
        if answer.status.is_success() { Ok(()) } else { Err(Error::refused(&answer)) }
    }

    /// The indices that an alias leads to; none if there is no such alias.
    async fn holders(&self, alias: &str) -> Result<Holders, Error> {
        let answer = self.call(Method::GET, &["_alias", alias], None).await?;
        if answer.status == StatusCode::NOT_FOUND { Ok(Holders::new()) } else { read(&answer) }
    }

    async fn call(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Answer, Error> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut().map_err(|()| Error::BadEndpoint)?.pop_if_empty().extend(path);
        let limit = if method == Method::PUT { CREATE_LIMIT } else { CALL_LIMIT };

        let mut request = self.http.request(method, url).timeout(limit);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Auth::Basic { username, password } = &self.auth {
            request = request.basic_auth(username, Some(password.expose_secret()));
        }
        let mut request = request.build().map_err(|_| TransportError::Unsendable)?;
        if let Auth::SigV4 { region, service, credentials } = &self.auth {
            let signature = auth::signature(&request, region, *service, credentials).await?;
            request.headers_mut().extend(signature);
        }
        Ok(http_kit::send(RequestBuilder::from_parts(self.http.clone(), request)).await?)
    }
}

/// A successful answer's content.
fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    if !answer.status.is_success() {
        return Err(Error::refused(answer));
    }
    answer.json().ok_or(Error::Unexpected)
}

/// Whether what is written to and read from the alias is this index, all of it, and nothing else. (The write index of an
/// alias with one index is that one, unless it says no.)
fn leads_only_to(holders: &Holders, spec: &IndexSpec<'_>) -> bool {
    let alias = holders.get(spec.index).and_then(|holder| holder.aliases.get(spec.alias));
    holders.len() == 1 && alias.is_some_and(|alias| alias.is_write_index != Some(false) && alias.filter.is_none())
}
