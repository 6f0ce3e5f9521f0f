//! The client of a region's OpenSearch.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_signature::{Scope, signature};
use http_kit::{Answer, TransportError};
use reqwest::{Method, RequestBuilder, Url};
use secrecy::ExposeSecret;
use secrets::{OpenSearchAuth, OpenSearchSecret};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::{Auth, SERVICE};
use crate::difference::Difference;
use crate::error::{Error, is_already_there, is_missing, is_only_rehearsed};
use crate::index::{IndexSpec, MappingVersion};

/// One read or one change of an alias. A whole [`OpenSearch::ensure_knn_index`], creation included, takes at most 26 s,
/// and 2 s more if AWS credentials have to be fetched.
const CALL_LIMIT: Duration = Duration::from_secs(4);
/// Creating an index waits for its first shard. An index that takes longer is adopted by the next try.
const CREATE_LIMIT: Duration = Duration::from_secs(10);

/// What [`OpenSearch::ensure_knn_index`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// The index was created just now.
    Created,
    /// It existed already, exactly as we would have created it with this version of the mapping.
    Adopted(MappingVersion),
}

/// What there is of a tenant's index and its alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The index, with the version of its mapping or with how it differs; `None`: there is none.
    pub index: Option<Result<MappingVersion, Difference>>,
    /// The alias.
    pub alias: SeenAlias,
}

/// Where an alias leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenAlias {
    /// There is none.
    Missing,
    /// To the whole index, and to no other.
    Whole,
    /// To the index and no other, but to a part of it, or not for writes.
    Partly,
    /// To another index, which this says.
    Elsewhere(Difference),
}

/// What has the name of a tenant's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// An index that we made.
    Ours,
    /// Something that we did not make, and how that shows.
    Foreign(Difference),
}

/// A region's cluster.
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
    /// The client for a region. `region` and `credentials` are used only for requests that are signed with `SigV4`.
    pub fn of_region(
        secret: OpenSearchSecret,
        region: &str,
        credentials: &SharedCredentialsProvider,
    ) -> Result<Self, Error> {
        let auth = match secret.auth {
            OpenSearchAuth::Basic { username, password } => Auth::Basic { username, password },
            OpenSearchAuth::SigV4 {} => Auth::SigV4 { region: region.to_owned(), credentials: credentials.clone() },
        };
        let http = http_kit::client_trusting(CALL_LIMIT, secret.ca_pem.as_deref()).map_err(|_| Error::BadEndpoint)?;
        Self::through(http, &secret.endpoint, auth)
    }

    /// A client of `http[s]://host[:port][/path]`.
    pub fn new(endpoint: &str, auth: Auth) -> Result<Self, Error> {
        Self::through(http_kit::client(CALL_LIMIT), endpoint, auth)
    }

    fn through(http: reqwest::Client, endpoint: &str, auth: Auth) -> Result<Self, Error> {
        let endpoint: Url = endpoint.parse().map_err(|_| Error::BadEndpoint)?;
        let is_plain = endpoint.username().is_empty() && endpoint.password().is_none();
        if !matches!(endpoint.scheme(), "http" | "https") || !is_plain || endpoint.query().is_some() {
            return Err(Error::BadEndpoint);
        }
        if endpoint.host_str().is_some_and(is_serverless) {
            return Err(Error::Serverless);
        }
        Ok(Self { http, endpoint, auth })
    }

    /// Creates the index with its mapping and its alias, unless it exists. Afterwards the alias leads to this index and
    /// to no other. If something exists that differs, it is left as it is and named in [`Error::Conflict`].
    pub async fn ensure_knn_index(&self, spec: &IndexSpec<'_>) -> Result<Ensured, Error> {
        // This comes first: creating the index would add it to a foreign alias, or fail with a 500.
        self.refuse_other_holders(spec).await?;
        let answer = self.call(Method::PUT, &[spec.index], Some(&spec.body())).await?;
        let ensured = if answer.status.is_success() {
            Ensured::Created
        } else if is_already_there(&answer) {
            Ensured::Adopted(self.adopt(spec).await?)
        } else {
            return Err(Error::refused(&answer));
        };
        if leads_only_to(&self.holders(spec.alias).await?, spec) { Ok(ensured) } else { Err(Error::NotVisible) }
    }

    /// Gives an existing index its alias again, as [`OpenSearch::ensure_knn_index`] does. Nothing is created: if there is no
    /// index, that is [`Error::IndexMissing`].
    pub async fn ensure_alias(&self, spec: &IndexSpec<'_>) -> Result<MappingVersion, Error> {
        self.refuse_other_holders(spec).await?;
        let version = self.adopt(spec).await?;
        if leads_only_to(&self.holders(spec.alias).await?, spec) { Ok(version) } else { Err(Error::NotVisible) }
    }

    /// Looks at the index and its alias. Nothing is changed.
    pub async fn look(&self, spec: &IndexSpec<'_>) -> Result<Seen, Error> {
        let index = self.described(spec).await?.map(|found| spec.version_of(&found));
        let holders = self.holders(spec.alias).await?;
        let alias = if let Some(other) = holders.keys().find(|holder| *holder != spec.index) {
            SeenAlias::Elsewhere(Difference::AliasElsewhere(other.clone()))
        } else if holders.is_empty() {
            SeenAlias::Missing
        } else if leads_only_to(&holders, spec) {
            SeenAlias::Whole
        } else {
            SeenAlias::Partly
        };
        Ok(Seen { index, alias })
    }

    /// Whether the server would do all that [`OpenSearch::ensure_knn_index`] asks for, and let our user ask. Nothing is
    /// created: the server refuses the index at its last look. The names must be those of nobody.
    pub async fn rehearse(&self, spec: &IndexSpec<'_>) -> Result<(), Error> {
        self.holders(spec.alias).await?;
        let create = self.call(Method::PUT, &[spec.index], Some(&spec.rehearsed())).await?;
        if create.status.is_success() {
            return Err(Error::Unexpected);
        }
        if !is_only_rehearsed(&create) {
            return Err(Error::refused(&create));
        }
        for answer in [
            self.call(Method::GET, &[spec.index], None).await?,
            self.call(Method::POST, &["_aliases"], Some(&spec.add_alias())).await?,
        ] {
            if !is_missing(&answer) {
                return Err(Error::refused(&answer));
            }
        }
        Ok(())
    }

    /// Whether our user may delete an index. The names must be those of nobody: the server looks for the index after it has
    /// looked at the user's rights, and there is none. `None`: requests are signed, so each function has rights of its own,
    /// and only the one that deletes has this one.
    pub async fn may_delete(&self, spec: &IndexSpec<'_>) -> Result<Option<bool>, Error> {
        if matches!(self.auth, Auth::SigV4 { .. }) {
            return Ok(None);
        }
        let answer = self.call(Method::DELETE, &[spec.index], None).await?;
        if is_missing(&answer) {
            return Ok(Some(true));
        }
        if answer.status.is_success() {
            return Err(Error::Unexpected);
        }
        match Error::refused(&answer) {
            Error::PermissionMissing => Ok(Some(false)),
            error => Err(error),
        }
    }

    /// What has the names of a tenant's index and alias: the index, whatever its settings are by now, counts as ours if its mapping
    /// is one of ours. An alias that leads to another index is somebody else's work.
    pub async fn whose(&self, spec: &IndexSpec<'_>) -> Result<Found, Error> {
        if let Some(other) = self.holders(spec.alias).await?.into_keys().find(|holder| holder != spec.index) {
            return Ok(Found::Foreign(Difference::AliasElsewhere(other)));
        }
        let answer = self.call(Method::GET, &[spec.index], None).await?;
        if is_missing(&answer) {
            return Ok(Found::Nothing);
        }
        let described: HashMap<String, Value> = read(&answer)?;
        Ok(match described.get(spec.index) {
            None => Found::Foreign(Difference::IndexIsAlias),
            Some(found) => spec.mark_of(found).map_or(Found::Ours, Found::Foreign),
        })
    }

    /// Takes the alias from the index. It is a success if the index does not have it, or does not exist.
    pub async fn take_alias(&self, spec: &IndexSpec<'_>) -> Result<(), Error> {
        let answer = self.call(Method::POST, &["_aliases"], Some(&spec.remove_alias())).await?;
        if answer.status.is_success() || is_missing(&answer) {
            return if self.has_alias(spec.alias).await? { Err(Error::NotVisible) } else { Ok(()) };
        }
        Err(Error::refused(&answer))
    }

    /// Whether an alias leads anywhere.
    pub async fn has_alias(&self, alias: &str) -> Result<bool, Error> {
        Ok(!self.holders(alias).await?.is_empty())
    }

    /// Deletes an index with its data. It is a success if it does not exist. The name of an alias is refused by the server.
    pub async fn delete_index(&self, index: &str) -> Result<(), Error> {
        let answer = self.call(Method::DELETE, &[index], None).await?;
        if answer.status.is_success() || is_missing(&answer) {
            return Ok(());
        }
        Err(Error::refused(&answer))
    }

    /// Compares an existing index with the wanted one, and gives it its alias.
    async fn adopt(&self, spec: &IndexSpec<'_>) -> Result<MappingVersion, Error> {
        let found = self.described(spec).await?.ok_or(Error::IndexMissing)?;
        let version = spec.version_of(&found).map_err(Error::Conflict)?;
        // If the index has the alias already, this changes nothing or removes a filter.
        let answer = self.call(Method::POST, &["_aliases"], Some(&spec.add_alias())).await?;
        if answer.status.is_success() { Ok(version) } else { Err(Error::refused(&answer)) }
    }

    /// The index as the server describes it; `None` if there is none.
    async fn described(&self, spec: &IndexSpec<'_>) -> Result<Option<Value>, Error> {
        let answer = self.call(Method::GET, &[spec.index], None).await?;
        if is_missing(&answer) {
            return Ok(None);
        }
        let mut described: HashMap<String, Value> = read(&answer)?;
        described.remove(spec.index).map(Some).ok_or(Error::Unexpected)
    }

    async fn refuse_other_holders(&self, spec: &IndexSpec<'_>) -> Result<(), Error> {
        match self.holders(spec.alias).await?.into_keys().find(|holder| holder != spec.index) {
            Some(other) => Err(Error::Conflict(Difference::AliasElsewhere(other))),
            None => Ok(()),
        }
    }

    /// The indices that an alias leads to; none if the alias does not exist.
    async fn holders(&self, alias: &str) -> Result<Holders, Error> {
        let answer = self.call(Method::GET, &["_alias", alias], None).await?;
        if is_missing(&answer) { Ok(Holders::new()) } else { read(&answer) }
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
        if let Auth::SigV4 { region, credentials } = &self.auth {
            let headers = signature(&request, Scope::new(region, SERVICE), credentials).await?;
            request.headers_mut().extend(headers);
        }
        Ok(http_kit::send(RequestBuilder::from_parts(self.http.clone(), request)).await?)
    }
}

/// Whether a host is a collection of OpenSearch Serverless: `{id}.{region}.aoss.amazonaws.com`.
fn is_serverless(host: &str) -> bool {
    host.split('.').any(|label| label == "aoss") && host.contains(".amazonaws.com")
}

/// The content of a successful answer.
fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    if !answer.status.is_success() {
        return Err(Error::refused(answer));
    }
    answer.json().ok_or(Error::Unexpected)
}

/// Whether reads and writes through the alias reach this whole index and nothing else. (The only index of an alias is
/// its write index, unless it says no.)
fn leads_only_to(holders: &Holders, spec: &IndexSpec<'_>) -> bool {
    let alias = holders.get(spec.index).and_then(|holder| holder.aliases.get(spec.alias));
    holders.len() == 1 && alias.is_some_and(|alias| alias.is_write_index != Some(false) && alias.filter.is_none())
}
