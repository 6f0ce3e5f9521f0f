//! `POST /v1/admin/lakehouse/sync-targets`: a Postgres table to be replicated into one of the tenant's catalogs.

use std::sync::Arc;

use api_kit::records::SyncTargetRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request};
use domain::{FieldError, SyncTargetRequest};
use store::{NewSyncTarget, NotRegistered, Store};

/// The route.
pub struct RegisterSyncTarget {
    store: Arc<Store>,
}

impl RegisterSyncTarget {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store() }
    }
}

impl Handler for RegisterSyncTarget {
    const ROUTE: Route = routes::REGISTER_SYNC_TARGET;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let asked = SyncTargetRequest::parse(&request.json_object()?)?;
        let tenant = self.store.tenant_by_id(asked.tenant_id).await?.ok_or_else(Problem::tenant_not_found)?;
        // Tenants are isolated by their namespaces.
        if !asked.iceberg_namespace.belongs_to(&tenant.slug) {
            let message = format!("must be ivory_tenant_{} or lie below it; hyphens may be underscores", tenant.slug);
            return Err(vec![FieldError { field: "iceberg_namespace".to_owned(), message }].into());
        }
        let new = NewSyncTarget { request: &asked, actor: &request.caller.name(), request_id: &request.request_id };
        match self.store.register_sync_target(new).await {
            Ok(target) => Ok(Answer::created(&SyncTargetRecord::from(&target))),
            Err(NotRegistered::UnknownTenant) => Err(Problem::tenant_not_found()),
            Err(NotRegistered::NoActiveCatalog) => Err(Problem::no_active_catalog()),
            Err(NotRegistered::Store(error)) => Err(error.into()),
        }
    }
}
