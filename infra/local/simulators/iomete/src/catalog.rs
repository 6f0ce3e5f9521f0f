//! The catalog.

use parking_lot::Mutex;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::namespaces::Namespaces;
use crate::problem::{Problem, Result};
use crate::settings::Settings;

/// The endpoints of the catalog. A client that gets no such list assumes others.
const ENDPOINTS: [&str; 9] = [
    "GET /v1/{prefix}/namespaces",
    "POST /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "DELETE /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
];

#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) token: SecretString,
    pub(crate) name: String,
    /// Part of every path but the configuration's. It differs from the catalog's name, so that a client that does not
    /// ask for it cannot guess it.
    pub(crate) prefix: String,
    warehouse: String,
    pub(crate) namespaces: Mutex<Namespaces>,
}

/// The parameters of `getConfig`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    warehouse: Option<String>,
}

impl Catalog {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { token, catalog, warehouse, port: _ } = settings;
        Self { token, prefix: format!("wh-{catalog}"), name: catalog, warehouse, namespaces: Mutex::default() }
    }

    pub(crate) fn warehouse(&self) -> &str {
        &self.warehouse
    }

    /// `CatalogConfig`. Clients name a warehouse by its location or by the catalog's name.
    pub(crate) fn configuration(&self, asked: Configuration) -> Result<Value> {
        if asked.warehouse.is_some_and(|asked| asked != self.warehouse && asked != self.name) {
            return Err(Problem::no_such_warehouse());
        }
        Ok(json!({
            "defaults": {},
            "overrides": { "prefix": self.prefix, "warehouse": self.warehouse },
            "endpoints": ENDPOINTS,
        }))
    }
}
