//! The namespaces of a catalog.

use http_kit::Answer;
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::{Iomete, ProbeError};

/// Joins the levels of a namespace in a path, where it is written `%1F`.
const SEPARATOR: &str = "\u{1F}";

/// A catalog whose configuration is known.
pub struct Catalog<'a> {
    iomete: &'a Iomete,
    /// Below which its namespaces are.
    namespaces: Url,
}

/// `CatalogConfig`, as far as it says where the catalog's routes are. An override beats a default.
#[derive(Deserialize)]
struct Configuration {
    defaults: Prefix,
    overrides: Prefix,
}

#[derive(Deserialize)]
struct Prefix {
    prefix: Option<String>,
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

impl Iomete {
    /// The catalog, which says in its configuration where its routes are.
    pub async fn catalog(&self) -> Result<Catalog<'_>, ProbeError> {
        let answer = self.configuration().await?;
        let Configuration { defaults, overrides } = answer.json().ok_or(ProbeError::UnexpectedAnswer)?;
        let mut namespaces: Url = self.base_url.parse().map_err(|_| ProbeError::BadConfiguration)?;
        let prefix = overrides.prefix.or(defaults.prefix).unwrap_or_default();
        let route = ["v1"].into_iter().chain(prefix.split('/').filter(|part| !part.is_empty())).chain(["namespaces"]);
        namespaces.path_segments_mut().map_err(|()| ProbeError::BadConfiguration)?.pop_if_empty().extend(route);
        Ok(Catalog { iomete: self, namespaces })
    }
}

impl Catalog<'_> {
    /// Whether there is a namespace, whose levels are written with dots. It is asked for with `GET`, which every catalog knows.
    pub async fn has_namespace(&self, namespace: &str) -> Result<bool, ProbeError> {
        let mut url = self.namespaces.clone();
        let levels = namespace.replace('.', SEPARATOR);
        url.path_segments_mut().map_err(|()| ProbeError::BadConfiguration)?.push(&levels);
        let request = self.iomete.http.get(url).bearer_auth(self.iomete.token.expose_secret());
        let answer = http_kit::send(request).await?;
        match answer.status {
            status if status.is_success() => Ok(true),
            // A wrong address is 404 too.
            StatusCode::NOT_FOUND if is_about_the_namespace(&answer) => Ok(false),
            status => Err(ProbeError::Status(status.as_u16())),
        }
    }
}

fn is_about_the_namespace(answer: &Answer) -> bool {
    answer.json::<Refusal>().is_some_and(|refusal| refusal.error.r#type == "NoSuchNamespaceException")
}
