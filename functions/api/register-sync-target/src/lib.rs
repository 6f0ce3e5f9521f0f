//! `POST /v1/admin/lakehouse/sync-targets`: a Postgres table to be replicated into one of the tenant's catalogs.

use api_kit::records::SyncTargetRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Problem, Request};
use domain::{FieldError, ProvisioningState, SyncTargetRequest};
use lambda_kit::needs;
use store::{ControlDatabase, NewSyncTarget, NotRegistered};

needs! {
    /// Registers a sync target, or replaces it.
    pub struct RegisterSyncTarget {
        store: ControlDatabase,
    }
}

impl Handler for RegisterSyncTarget {
    const ROUTE: Route = routes::REGISTER_SYNC_TARGET;
    type Input = Json;

    async fn handle(&self, request: &Request, Json(body): Json, _: Budget) -> Result<Answer, Problem> {
        let asked = SyncTargetRequest::parse(&body)?;
        let tenant = self.store.tenant_by_id(asked.tenant_id).await?.ok_or_else(Problem::tenant_not_found)?;
        if tenant.state == ProvisioningState::Deprovisioned {
            return Err(Problem::nothing_more_for_tenant());
        }
        // Namespaces isolate tenants from each other.
        if !asked.iceberg_namespace.belongs_to(&tenant.slug) {
            let message = format!("must be ivory_tenant_{} or lie below it; hyphens may be underscores", tenant.slug);
            return Err(vec![FieldError { field: "iceberg_namespace".to_owned(), message }].into());
        }
        let new = NewSyncTarget { request: &asked, actor: request.caller.name(), request_id: &request.request_id };
        match self.store.register_sync_target(new).await {
            Ok(target) => Ok(Answer::created(&SyncTargetRecord::from(&target))),
            // It was there a moment ago, and no row is ever deleted.
            Err(NotRegistered::NoTenant) => Err(Problem::nothing_more_for_tenant()),
            Err(NotRegistered::NoActiveCatalog) => Err(Problem::no_active_catalog()),
            Err(NotRegistered::Store(error)) => Err(error.into()),
        }
    }
}
