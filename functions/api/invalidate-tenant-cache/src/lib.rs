//! `POST /v1/admin/tenants/{slug}/cache/invalidate`: removes the tenant's entries from the middleware's cache.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Problem, Request, SlugInPath};
use domain::Slug;
use lambda_kit::needs;
use serde::Serialize;
use store::ControlDatabase;
use tenant_cache::{CacheSettings, TenantCache};
use utoipa::ToSchema;

needs! {
    /// Removes a tenant's cache entries.
    pub struct InvalidateTenantCache {
        store: ControlDatabase,
        cache: TenantCache,
        settings: CacheSettings,
    }
}

/// The entry is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invalidated<'a> {
    slug: &'a Slug,
    /// Always `invalidated`.
    cache: &'static str,
}

impl Handler for InvalidateTenantCache {
    const ROUTE: Route = routes::INVALIDATE_TENANT_CACHE;
    type Input = SlugInPath;

    async fn handle(&self, _: &Request, SlugInPath(slug): SlugInPath, _: Budget) -> Result<Answer, Problem> {
        let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
        self.cache.remove(&self.settings.entries(&tenant)).await.map_err(|failure| {
            lambda_kit::trouble!(failure, "the tenant's cache entries could not be removed");
            Problem::unavailable()
        })?;
        Ok(Answer::ok(&Invalidated { slug: &tenant.slug, cache: "invalidated" }))
    }
}
