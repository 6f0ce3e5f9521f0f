//! `POST /v1/admin/tenants/{tenant_id}/catalog`: makes a tenant's catalog or replaces it. Its credentials go into Secrets
//! Manager, its row says which version of them is its; both change under the row's lock, so that they never disagree.

use std::sync::Arc;

use api_kit::records::CatalogRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, IfMatch, Platform, Problem, Request};
use domain::{CatalogRequest, Failure, TenantId};
use secrets::{Secrets, VersionId};
use store::{CatalogNotBegun, NewCatalog, Store};

/// The route.
pub struct UpsertCatalog {
    store: Arc<Store>,
    secrets: Secrets,
}

impl UpsertCatalog {
    /// Built from the control database and the secrets.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store(), secrets: platform.secrets.clone() }
    }

    /// The version the caller's change is meant for, if they say so.
    async fn expected(
        &self,
        tenant: TenantId,
        asked: &CatalogRequest,
        if_match: Option<IfMatch>,
    ) -> Result<Option<i64>, Problem> {
        let Some(if_match) = if_match else { return Ok(None) };
        let current = self.store.catalog(tenant, &asked.catalog_name).await?.map(|catalog| catalog.version);
        current.filter(|version| if_match.allows(*version)).map(Some).ok_or_else(Problem::version_mismatch)
    }
}

impl Handler for UpsertCatalog {
    const ROUTE: Route = routes::UPSERT_CATALOG;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let asked = CatalogRequest::parse(&request.json_object()?)?;
        let if_match = request.if_match()?;
        let tenant_id = request.find_tenant(&self.store).await?.tenant_id;
        let new = NewCatalog {
            tenant_id,
            request: &asked,
            if_version: self.expected(tenant_id, &asked, if_match).await?,
            actor: &request.caller.name(),
            request_id: &request.request_id,
        };
        let upsert = self.store.begin_catalog_upsert(new).await.map_err(not_begun)?;
        // Boxed: what is awaited under the lock is nested deep.
        let put = Box::pin(self.secrets.patch_catalog(
            upsert.id(),
            upsert.secret_version(),
            &asked.s3_access_key_id,
            &asked.s3_secret_key,
        ));
        match put.await {
            Ok(version) => {
                let catalog = upsert.commit(version.as_ref().map(VersionId::as_str)).await?;
                Ok(Answer::created(&CatalogRecord::from(&catalog)).with_version(catalog.version))
            }
            Err(failure) => {
                upsert.give_up().await;
                Err(not_put(&failure))
            }
        }
    }
}

fn not_begun(reason: CatalogNotBegun) -> Problem {
    match reason {
        CatalogNotBegun::UnknownTenant => Problem::tenant_not_found(),
        CatalogNotBegun::VersionMismatch => Problem::version_mismatch(),
        CatalogNotBegun::Store(error) => error.into(),
    }
}

fn not_put(failure: &Failure) -> Problem {
    tracing::error!(code = failure.cause.code, hint = failure.cause.hint, "a catalog's credentials were not stored");
    if failure.cause.retryable { Problem::unavailable() } else { Problem::internal() }
}
