//! The lakehouse's routes as an administrator calls them, for one tenant, and what became of the calls.

use anyhow::{Context as _, Result};
use domain::{CatalogId, TenantId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{Answer, Cloud, Issuer, unique};

/// What every S3 credential of the tests begins with, stored or refused: it can be looked for where none may be.
pub const CREDENTIAL_MARK: &str = "ivory-e2e-credential-";

/// An S3 credential nobody else has.
#[must_use]
pub fn credential(name: &str) -> String {
    unique(&format!("{CREDENTIAL_MARK}{name}"))
}

/// A tenant whose lakehouse is tested. No `Debug`: it holds the administrator's token.
pub struct Lakehouse {
    /// The cloud it is in.
    pub cloud: Cloud,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// The tenant's name.
    pub slug: String,
    token: String,
}

impl Lakehouse {
    /// That of a tenant there is.
    pub async fn of(cloud: &Cloud, tenant_id: Uuid, slug: &str) -> Result<Self> {
        let token = Issuer::of(cloud).await?.admin()?;
        Ok(Self { cloud: cloud.clone(), tenant_id, slug: slug.to_owned(), token })
    }

    /// That of a new tenant. It need not be live: catalogs may come first.
    pub async fn of_new_tenant(cloud: &Cloud, name: &str) -> Result<Self> {
        let slug = unique(name);
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        Self::of(cloud, tenant_id, &slug).await
    }

    /// That of the one tenant for all tests of this process which only touch a catalog or a target of their own.
    pub async fn shared(cloud: &Cloud) -> Result<Self> {
        static TENANT: OnceCell<(Uuid, String)> = OnceCell::const_new();
        let new = async || Self::of_new_tenant(cloud, "lake").await.map(|new| (new.tenant_id, new.slug));
        let (tenant_id, slug) = TENANT.get_or_try_init(new).await?;
        Self::of(cloud, *tenant_id, slug).await
    }

    /// A request of the administrator.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.cloud.request(method, path).bearer_auth(&self.token)
    }

    /// A `GET` of the administrator.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.cloud.send(self.request(Method::GET, path)).await
    }

    /// A `POST` of the administrator.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.cloud.send(self.request(Method::POST, path).json(body)).await
    }

    /// Path of the tenant's catalog, by its id.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/v1/admin/tenants/{}/catalog", self.tenant_id)
    }

    /// A valid request for a catalog with nothing but what is required; `fields` come on top.
    #[must_use]
    pub fn order(&self, fields: &Value) -> Value {
        let required = json!({
            "catalog_uri": "https://iomete.internal/api/v1/catalog",
            "warehouse": "s3://ivory-iceberg/",
            "storage_prefix": format!("tenants/{}/", self.slug),
        });
        over(required, fields)
    }

    /// Makes or replaces a catalog, whatever the answer.
    pub async fn upsert(&self, fields: &Value) -> Result<Answer> {
        self.post(&self.path(), &self.order(fields)).await
    }

    /// The same with a precondition.
    pub async fn upsert_if(&self, if_match: &str, fields: &Value) -> Result<Answer> {
        let request = self.request(Method::POST, &self.path()).header("if-match", if_match);
        self.cloud.send(request.json(&self.order(fields))).await
    }

    /// A valid request for a sync target; `fields` come on top.
    #[must_use]
    pub fn target(&self, fields: &Value) -> Value {
        let required = json!({
            "tenant_id": self.tenant_id,
            "source_schema": "public",
            "source_table": "companies",
            "iceberg_namespace": format!("ivory_tenant_{}", self.slug),
            "iceberg_table": "companies_snapshot",
        });
        over(required, fields)
    }

    /// Registers a sync target, whatever the answer.
    pub async fn register(&self, fields: &Value) -> Result<Answer> {
        self.post("/v1/admin/lakehouse/sync-targets", &self.target(fields)).await
    }

    /// The id of the tenant's catalog of that name, whether it is there or not.
    pub fn catalog_id(&self, catalog_name: &str) -> Result<String> {
        Ok(CatalogId::of(TenantId(self.tenant_id), &catalog_name.parse()?).to_string())
    }

    /// A catalog's row, every column of it.
    pub async fn row(&self, catalog_name: &str) -> Result<Option<Value>> {
        let sql = "SELECT to_jsonb(c) FROM lakehouse.tenant_catalogs AS c WHERE tenant_id = $1 AND catalog_name = $2";
        let row = self.cloud.control().await?.query_opt(sql, &[&self.tenant_id, &catalog_name]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The versions of a catalog's secret; none: there is no secret.
    pub async fn secret_versions(&self, catalog_name: &str) -> Result<Vec<String>> {
        self.cloud.aws.secret_versions(&self.secret(catalog_name)?).await
    }

    /// A catalog's credentials: the version of its secret that its row names.
    pub async fn credentials(&self, catalog_name: &str) -> Result<Value> {
        let row = self.row(catalog_name).await?.context("no such catalog")?;
        let version = row["secret_version"].as_str().context("the row names no version")?;
        self.cloud.aws.secret_version(&self.secret(catalog_name)?, version).await
    }

    fn secret(&self, catalog_name: &str) -> Result<String> {
        Ok(format!("{}/catalogs/{}", self.cloud.secret_prefix()?, self.catalog_id(catalog_name)?))
    }
}

fn over(mut object: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    object
}
