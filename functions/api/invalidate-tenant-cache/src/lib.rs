//! `POST /v1/admin/tenants/{slug}/cache/invalidate`: what the middleware has cached about the tenant is removed.

use std::sync::Arc;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request};
use domain::Slug;
use outbox::cache_keys;
use secrets::Secrets;
use serde::Serialize;
use store::Store;
use utoipa::ToSchema;

/// The route.
pub struct InvalidateTenantCache {
    store: Arc<Store>,
    secrets: Secrets,
}

/// The entry is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invalidated<'a> {
    slug: &'a Slug,
    /// Always `invalidated`.
    cache: &'static str,
}

impl InvalidateTenantCache {
    /// Built from the secrets and `TENANT_CACHE_KEYS`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store(), secrets: platform.secrets.clone() }
    }
}

impl Handler for InvalidateTenantCache {
    const ROUTE: Route = routes::INVALIDATE_TENANT_CACHE;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let tenant = self.store.tenant_by_slug(&request.slug()?).await?.ok_or_else(Problem::tenant_not_found)?;
        outbox::unlink(&self.secrets, &cache_keys(&tenant)).await.map_err(|failure| {
            tracing::error!(code = failure.cause.code, "the tenant's cache entry could not be removed");
            Problem::unavailable()
        })?;
        Ok(Answer::ok(&Invalidated { slug: &tenant.slug, cache: "invalidated" }))
    }
}
