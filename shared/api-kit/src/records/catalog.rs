//! A tenant's catalog, without its credentials.

use domain::{CatalogId, CatalogName, CatalogType, Slug, TenantId};
use serde::Serialize;
use serde_json::Value;
use store::Catalog;
use utoipa::ToSchema;

use crate::Moment;

/// A catalog. Of its S3 credentials it says nothing, not even whether there are any.
#[derive(Debug, Serialize, ToSchema)]
pub struct CatalogRecord<'a> {
    id: CatalogId,
    tenant_id: TenantId,
    tenant_slug: &'a Slug,
    /// What connectors and sync targets refer to.
    catalog_name: &'a CatalogName,
    catalog_type: CatalogType,
    catalog_uri: &'a str,
    warehouse: &'a str,
    /// The tenant's part of the warehouse.
    storage_prefix: &'a str,
    /// The object store's endpoint, if it is not the scheme's own.
    s3_endpoint: Option<&'a str>,
    /// Arbitrary key-value metadata.
    #[schema(value_type = Object)]
    metadata: &'a Value,
    is_active: bool,
    /// First upsert.
    provisioned_at: Moment,
    /// Last upsert.
    updated_at: Moment,
}

impl<'a> From<&'a Catalog> for CatalogRecord<'a> {
    fn from(catalog: &'a Catalog) -> Self {
        Self {
            id: catalog.id,
            tenant_id: catalog.tenant_id,
            tenant_slug: &catalog.tenant_slug,
            catalog_name: &catalog.catalog_name,
            catalog_type: catalog.catalog_type,
            catalog_uri: &catalog.catalog_uri,
            warehouse: &catalog.warehouse,
            storage_prefix: &catalog.storage_prefix,
            s3_endpoint: catalog.s3_endpoint.as_deref(),
            metadata: &catalog.metadata,
            is_active: catalog.is_active,
            provisioned_at: Moment(catalog.provisioned_at),
            updated_at: Moment(catalog.updated_at),
        }
    }
}
