//! The one catalog.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::Config;
use crate::call::Call;
use crate::error::{Problem, Result};
use crate::namespaces::Namespaces;

/// What it can do. Without this list a client would take it to have tables.
const ENDPOINTS: [&str; 6] = [
    "GET /v1/{prefix}/namespaces",
    "POST /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "DELETE /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties",
];

#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) token: SecretString,
    pub(crate) name: String,
    /// Stands in every path but the configuration's. Another name than the catalog's, so that a client that does not ask for
    /// it does not find it by accident.
    pub(crate) prefix: String,
    warehouse: String,
    namespaces: Mutex<Namespaces>,
}

impl Catalog {
    pub(crate) fn new(config: Config) -> Self {
        let prefix = format!("wh-{}", config.catalog);
        let Config { token, catalog, warehouse } = config;
        Self { token, name: catalog, prefix, warehouse, namespaces: Mutex::default() }
    }

    pub(crate) fn namespaces(&self) -> MutexGuard<'_, Namespaces> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `CatalogConfig`. A warehouse may be asked for by its location or by the catalog's name.
    pub(crate) fn configuration(&self, call: &Call) -> Result<Value> {
        let asked = call.query(&["warehouse"])?.get("warehouse");
        if asked.is_some_and(|asked| ![&self.warehouse, &self.name].contains(&asked)) {
            return Err(Problem::no_such_warehouse());
        }
        Ok(json!({
            "defaults": {},
            "overrides": { "prefix": self.prefix, "warehouse": self.warehouse },
            "endpoints": ENDPOINTS,
        }))
    }
}
