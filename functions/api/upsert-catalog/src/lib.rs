//! `POST /v1/admin/tenants/{tenant_id}/catalog`: creates a tenant's catalog or replaces it. Its credentials go into Secrets
//! Manager, and its row names the version of the secret. Both change under the row's lock, so that they never disagree.

pub mod credentials;

use api_kit::records::CatalogRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Preconditions, Problem, Request};
use domain::{CatalogRequest, Failure, ProvisioningState};
use lambda_kit::{VersionId, Versions, needs};
use secrets::CatalogSecret;
use store::{CatalogNotBegun, CatalogNotCommitted, ControlDatabase, NewCatalog};

needs! {
    /// Creates a catalog, or replaces it.
    pub struct UpsertCatalog {
        store: ControlDatabase,
        secret: Versions<CatalogSecret>,
    }
}

impl Handler for UpsertCatalog {
    const ROUTE: Route = routes::UPSERT_CATALOG;
    type Input = (Json, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (Json(body), Preconditions(conditions)): (Json, Preconditions),
        _: Budget,
    ) -> Result<Answer, Problem> {
        let asked = CatalogRequest::parse(&body)?;
        let tenant = request.find_tenant(&self.store).await?;
        if tenant.state == ProvisioningState::Deprovisioned {
            return Err(Problem::nothing_more_for_tenant());
        }
        let tenant_id = tenant.tenant_id;
        let new = NewCatalog {
            tenant_id,
            request: &asked,
            permits: &|version| conditions.allow(version),
            author: request.author(),
        };
        let upsert = self.store.begin_catalog_upsert(new).await.map_err(not_begun)?;
        // Boxed, because what is awaited under the lock is nested deep.
        let put = Box::pin(credentials::patch(
            &self.secret,
            upsert.id(),
            upsert.secret_version(),
            &asked.s3_access_key_id,
            &asked.s3_secret_key,
        ));
        match put.await {
            Ok(version) => {
                let catalog = upsert.commit(version.as_ref().map(VersionId::as_str)).await.map_err(not_committed)?;
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
        // It was there a moment ago, and no row is ever deleted.
        CatalogNotBegun::NoTenant => Problem::nothing_more_for_tenant(),
        CatalogNotBegun::VersionMismatch => Problem::version_mismatch(),
        CatalogNotBegun::StorageOverlap => Problem::storage_overlap(),
        CatalogNotBegun::Store(error) => error.into(),
    }
}

fn not_committed(reason: CatalogNotCommitted) -> Problem {
    match reason {
        CatalogNotCommitted::NoTenant => Problem::nothing_more_for_tenant(),
        CatalogNotCommitted::StorageOverlap => Problem::storage_overlap(),
        CatalogNotCommitted::Store(error) => error.into(),
    }
}

fn not_put(failure: &Failure) -> Problem {
    lambda_kit::trouble!(failure, hint = failure.hint(), "a catalog's credentials were not stored");
    if failure.cause().retryable { Problem::unavailable() } else { Problem::internal() }
}
