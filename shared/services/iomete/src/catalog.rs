//! A catalog's namespaces: whether one is there, and what ends it: its tables and views are dropped with their data, what is below
//! it first, itself last.

use std::collections::HashMap;
use std::time::Duration;

use http_kit::Answer;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The longest that one call takes. Dropping a table with its data is the slowest.
pub const TABLE_CALL: Duration = Duration::from_secs(10);
/// What a catalog has that lists this endpoint.
const HAS_VIEWS: &str = "GET /v1/{prefix}/namespaces/{namespace}/views";
/// Separates the levels of a namespace in a path and in a parameter.
const SEPARATOR: &str = "\u{1F}";

/// A catalog, after it was asked for its configuration.
#[derive(Debug)]
pub struct Catalog {
    http: reqwest::Client,
    /// Up to the prefix.
    base: Url,
    token: SecretString,
    has_views: bool,
}

/// `CatalogConfig`. An override beats a default.
#[derive(Deserialize)]
struct Config {
    defaults: HashMap<String, String>,
    overrides: HashMap<String, String>,
    #[serde(default)]
    endpoints: Option<Vec<String>>,
}

/// `IcebergErrorResponse`.
#[derive(Deserialize)]
struct Refusal {
    error: Kind,
}

#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

#[derive(Deserialize)]
struct Loaded {
    #[serde(default)]
    properties: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Children {
    namespaces: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Identifiers {
    identifiers: Vec<Identifier>,
}

#[derive(Deserialize)]
struct Identifier {
    name: String,
}

impl Catalog {
    /// Asks the catalog at `base_url` for its configuration, which says below which path everything else is. A call takes at most
    /// `limit`.
    pub async fn open(base_url: &str, token: SecretString, limit: Duration) -> Result<Self, Error> {
        let base: Url = base_url.parse().map_err(|_| Error::BadAddress)?;
        let base = below(&base, &["v1"])?;
        let mut catalog = Self { http: http_kit::client(limit), base, token, has_views: false };
        let Config { defaults, overrides, endpoints } = read(&catalog.call(Method::GET, &["config"], &[]).await?)?;
        if let Some(prefix) = overrides.get("prefix").or_else(|| defaults.get("prefix")) {
            let levels: Vec<_> = prefix.split('/').filter(|level| !level.is_empty()).collect();
            catalog.base = below(&catalog.base, &levels)?;
        }
        catalog.has_views = endpoints.is_some_and(|endpoints| endpoints.iter().any(|it| it == HAS_VIEWS));
        Ok(catalog)
    }

    /// The properties of a namespace; `None` if there is no such namespace.
    pub async fn properties(&self, namespace: &[String]) -> Result<Option<HashMap<String, String>>, Error> {
        let answer = self.call(Method::GET, &["namespaces", &joined(namespace)], &[]).await?;
        // A wrong address is 404 too.
        if answer.status == StatusCode::NOT_FOUND && is_about_the_namespace(&answer) {
            return Ok(None);
        }
        read::<Loaded>(&answer).map(|loaded| Some(loaded.properties))
    }

    /// The namespaces directly below a namespace.
    pub async fn children(&self, namespace: &[String]) -> Result<Vec<Vec<String>>, Error> {
        let parent = joined(namespace);
        let answer = self.call(Method::GET, &["namespaces"], &[("parent", &parent)]).await?;
        read::<Children>(&answer).map(|children| children.namespaces)
    }

    /// The names of a namespace's tables.
    pub async fn tables(&self, namespace: &[String]) -> Result<Vec<String>, Error> {
        self.names(namespace, "tables").await
    }

    /// The names of a namespace's views. There are none in a catalog without views.
    pub async fn views(&self, namespace: &[String]) -> Result<Vec<String>, Error> {
        if self.has_views { self.names(namespace, "views").await } else { Ok(Vec::new()) }
    }

    async fn names(&self, namespace: &[String], what: &str) -> Result<Vec<String>, Error> {
        // Without a page token, a catalog lists all of them.
        let answer = self.call(Method::GET, &["namespaces", &joined(namespace), what], &[]).await?;
        let Identifiers { identifiers } = read(&answer)?;
        Ok(identifiers.into_iter().map(|identifier| identifier.name).collect())
    }

    /// Drops a table with its data. It is a success if there is no such table.
    pub async fn drop_table(&self, namespace: &[String], table: &str) -> Result<(), Error> {
        let path = ["namespaces", &joined(namespace), "tables", table];
        gone(&self.call(Method::DELETE, &path, &[("purgeRequested", "true")]).await?)
    }

    /// Drops a view. It is a success if there is no such view.
    pub async fn drop_view(&self, namespace: &[String], view: &str) -> Result<(), Error> {
        gone(&self.call(Method::DELETE, &["namespaces", &joined(namespace), "views", view], &[]).await?)
    }

    /// Drops a namespace that is empty. It is a success if there is no such namespace.
    pub async fn drop_namespace(&self, namespace: &[String]) -> Result<(), Error> {
        let answer = self.call(Method::DELETE, &["namespaces", &joined(namespace)], &[]).await?;
        if answer.status == StatusCode::CONFLICT { Err(Error::NotEmpty) } else { gone(&answer) }
    }

    async fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, Error> {
        let url = below(&self.base, path)?;
        let request = self.http.request(method, url).query(query).bearer_auth(self.token.expose_secret());
        Ok(http_kit::send(request).await?)
    }
}

/// The address with these segments more, whatever is in them.
fn below(base: &Url, path: &[&str]) -> Result<Url, Error> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| Error::BadAddress)?.pop_if_empty().extend(path);
    Ok(url)
}

fn joined(namespace: &[String]) -> String {
    namespace.join(SEPARATOR)
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    if answer.status.is_success() { answer.json().ok_or(Error::Unexpected) } else { Err(Error::of(answer)) }
}

fn is_about_the_namespace(answer: &Answer) -> bool {
    answer.json::<Refusal>().is_some_and(|refusal| refusal.error.r#type == "NoSuchNamespaceException")
}

/// What was to be dropped is not there.
fn gone(answer: &Answer) -> Result<(), Error> {
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND { Ok(()) } else { Err(Error::of(answer)) }
}
