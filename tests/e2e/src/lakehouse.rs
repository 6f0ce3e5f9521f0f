//! Calls the lakehouse's routes as an administrator, for one tenant, and reads the effects.

use anyhow::{Context as _, Result};
use domain::{CatalogId, TenantId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{Answer, Cloud, Issuer, unique};

/// Every S3 credential of the tests begins with this, whether it was stored or refused. So tests can search for leaked
/// credentials.
pub const CREDENTIAL_MARK: &str = "ivory-e2e-credential-";

/// A new S3 credential.
#[must_use]
pub fn credential(name: &str) -> String {
    unique(&format!("{CREDENTIAL_MARK}{name}"))
}

/// A tenant whose lakehouse is tested. No `Debug`, because it holds the administrator's token.
pub struct Lakehouse {
    /// The cloud that the tenant is in.
    pub cloud: Cloud,
    /// The tenant's id.
    pub tenant_id: Uuid,
    /// The tenant's slug.
    pub slug: String,
    token: String,
}

impl Lakehouse {
    /// The lakehouse of an existing tenant.
    pub async fn of(cloud: &Cloud, tenant_id: Uuid, slug: &str) -> Result<Self> {
        let token = Issuer::of(cloud).await?.admin()?;
        Ok(Self { cloud: cloud.clone(), tenant_id, slug: slug.to_owned(), token })
    }

    /// The lakehouse of a new tenant. The tenant need not be active, because catalogs can be made before.
    pub async fn of_new_tenant(cloud: &Cloud, name: &str) -> Result<Self> {
        let slug = unique(name);
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        Self::of(cloud, tenant_id, &slug).await
    }

    /// The lakehouse of the tenant that all tests of this process share. Such a test changes only its own catalog or
    /// target.
    pub async fn shared(cloud: &Cloud) -> Result<Self> {
        static TENANT: OnceCell<(Uuid, String)> = OnceCell::const_new();
        let new = async || Self::of_new_tenant(cloud, "lake").await.map(|new| (new.tenant_id, new.slug));
        let (tenant_id, slug) = TENANT.get_or_try_init(new).await?;
        Self::of(cloud, *tenant_id, slug).await
    }

    /// A request with the administrator's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.cloud.request(method, path).bearer_auth(&self.token)
    }

    /// Sends a `GET` with the administrator's token.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.cloud.send(self.request(Method::GET, path)).await
    }

    /// Sends a `POST` with the administrator's token.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.cloud.send(self.request(Method::POST, path).json(body)).await
    }

    /// The path of the tenant's catalog, with the tenant's id.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/v1/admin/tenants/{}/catalog", self.tenant_id)
    }

    /// A valid request for a catalog: the required fields, and `fields` added.
    #[must_use]
    pub fn order(&self, fields: &Value) -> Value {
        let required = json!({
            "catalog_uri": "https://iomete.internal/api/v1/catalog",
            // The tenant's own, since tests take prefixes of every name below it.
            "warehouse": format!("s3://ivory-iceberg/{}/", self.slug),
            "storage_prefix": "tables/",
        });
        over(required, fields)
    }

    /// Creates or replaces a catalog. Any answer is returned.
    pub async fn upsert(&self, fields: &Value) -> Result<Answer> {
        self.post(&self.path(), &self.order(fields)).await
    }

    /// The same with a precondition.
    pub async fn upsert_if(&self, if_match: &str, fields: &Value) -> Result<Answer> {
        let request = self.request(Method::POST, &self.path()).header("if-match", if_match);
        self.cloud.send(request.json(&self.order(fields))).await
    }

    /// A valid request for a sync target, with `fields` added. Each source has an Iceberg table of its own.
    #[must_use]
    pub fn target(&self, fields: &Value) -> Value {
        let sound = |name: &&str| !name.is_empty() && !name.contains(char::is_control);
        let source = fields["source_table"].as_str().filter(sound).unwrap_or("companies");
        let required = json!({
            "tenant_id": self.tenant_id,
            "source_schema": "public",
            "source_table": "companies",
            "iceberg_namespace": format!("ivory_tenant_{}", self.slug),
            "iceberg_table": format!("{source}_snapshot"),
        });
        over(required, fields)
    }

    /// Registers a sync target. Any answer is returned.
    pub async fn register(&self, fields: &Value) -> Result<Answer> {
        self.post("/v1/admin/lakehouse/sync-targets", &self.target(fields)).await
    }

    /// The id that the tenant's catalog of that name has or would have.
    pub fn catalog_id(&self, catalog_name: &str) -> Result<String> {
        Ok(CatalogId::of(TenantId(self.tenant_id), &catalog_name.parse()?).to_string())
    }

    /// A catalog's row with every column.
    pub async fn row(&self, catalog_name: &str) -> Result<Option<Value>> {
        let sql = "SELECT to_jsonb(c) FROM lakehouse.tenant_catalogs AS c WHERE tenant_id = $1 AND catalog_name = $2";
        let row = self.cloud.control().await?.query_opt(sql, &[&self.tenant_id, &catalog_name]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The versions of a catalog's secret. The list is empty if there is no secret.
    pub async fn secret_versions(&self, catalog_name: &str) -> Result<Vec<String>> {
        self.cloud.aws.secret_versions(&self.secret(catalog_name)?).await
    }

    /// Whether a catalog's secret is encrypted with the installation's key.
    pub async fn secret_has_the_installations_key(&self, catalog_name: &str) -> Result<bool> {
        self.cloud.aws.secret_has_the_installations_key(&self.secret(catalog_name)?).await
    }

    /// A catalog's credentials, from the version of its secret that the row names.
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
