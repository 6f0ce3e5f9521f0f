//! The names of a tenant's resources in the outside systems. A resource is found again by its name after a crash, so a
//! name must never change for an existing tenant.

use crate::{CatalogId, Slug, TenantId};

/// The Supabase project. The id makes the name unique among all tenants that ever had this slug.
#[must_use]
pub fn project(slug: &Slug, tenant_id: TenantId) -> String {
    format!("{slug}-{tenant_id}")
}

/// The private FalkorDB graph, and the user who may reach it.
#[must_use]
pub fn graph(slug: &Slug) -> String {
    format!("client_{slug}")
}

/// The OpenSearch alias that readers use. A slug has no underscore, so no alias can equal another tenant's index.
#[must_use]
pub fn search_alias(slug: &Slug) -> String {
    format!("client_{slug}")
}

/// The OpenSearch index behind the alias.
#[must_use]
pub fn search_index(slug: &Slug) -> String {
    format!("client_{slug}_v1")
}

/// The stream of Valkey that other systems follow: tenants that went live for the first time.
pub const EVENTS: &str = "iam:tenants:provisioned";

/// The stream of tenants that were brought back.
pub const RESTORED: &str = "iam:tenants:restored";

/// A graph, user or alias that nobody has: a slug has no underscore. What a check of a system rehearses, it rehearses under
/// this name.
pub const REHEARSED: &str = "client__preflight";

/// The index behind [`REHEARSED`].
pub const REHEARSED_INDEX: &str = "client__preflight_v1";

/// The pipeline's execution for one attempt. Step Functions allows 80 characters, and keeps a name for 90 days after
/// the execution ended.
#[must_use]
pub fn execution(tenant_id: TenantId, attempt: i32) -> String {
    format!("{tenant_id}-{attempt}")
}

/// The purge's execution for one attempt, which is none of the pipeline's.
#[must_use]
pub fn purge_execution(tenant_id: TenantId, attempt: i32) -> String {
    format!("{tenant_id}-purge-{attempt}")
}

/// Fills `{slug}`, `{tenant_id}` and `{ref}` in a configured template.
#[must_use]
pub fn fill(template: &str, slug: &Slug, tenant_id: TenantId, project_ref: &str) -> String {
    template
        .replace("{slug}", slug.as_str())
        .replace("{tenant_id}", &tenant_id.to_string())
        .replace("{ref}", project_ref)
}

/// The tenant's secret below the installation's prefix.
#[must_use]
pub fn secret(tenant_id: TenantId) -> String {
    format!("tenants/{tenant_id}")
}

/// The secret with a catalog's credentials, below the installation's prefix.
#[must_use]
pub fn catalog_secret(id: CatalogId) -> String {
    format!("catalogs/{id}")
}

/// The IOMETE namespace that isolates the tenant.
#[must_use]
pub fn namespace(slug: &Slug) -> String {
    format!("ivory_tenant_{slug}")
}
