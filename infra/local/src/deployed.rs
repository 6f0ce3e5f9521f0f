//! What other commands need to know about a running cloud.

use std::fs;

use anyhow::{Context as _, bail};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::deploy::Access;
use crate::jwt::Jwt;
use crate::layout::CloudFolder;

/// What other commands need to know about a running cloud. It is kept in a file that only its owner may read.
#[derive(Serialize, Deserialize)]
pub struct Deployed {
    pub access: Access,
    pub stack: String,
    pub jwt: Jwt,
    pub api_url: String,
    pub admin_api_key: String,
}

impl Deployed {
    /// Reads what is known about the running cloud.
    pub fn load(folder: &CloudFolder) -> anyhow::Result<Self> {
        let text = fs::read(folder.cloud()).with_context(|| {
            format!("no cloud of the name \"{}\" is ready; `cargo xtask up` starts one", folder.name())
        })?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// The id of the tenant with this slug or id, if there is one.
    pub async fn id_of_tenant(&self, name: &str) -> anyhow::Result<Option<String>> {
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Ok(None);
        }
        let api = Api::new(&self.api_url, &self.admin_api_key)?;
        // Of the routes that know a slug, this one leaves no line in the log.
        let (status, tenant) = api.find(&format!("/v1/admin/tenants/{name}/status"), "").await?;
        match (status, tenant["tenant_id"].as_str()) {
            (StatusCode::OK, Some(id)) => return Ok(Some(id.to_owned())),
            (StatusCode::NOT_FOUND, None) => {}
            _ => bail!("looking for the tenant {name}: {status} {tenant}"),
        }
        // The lakehouse's routes take ids as well.
        let (status, catalog) = api.find(&format!("/v1/admin/tenants/{name}/catalog"), &self.jwt.admin()?).await?;
        let there = status == StatusCode::OK || catalog["code"] == "catalog_not_found";
        Ok(there.then(|| name.to_owned()))
    }
}
