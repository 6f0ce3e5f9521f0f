//! `GET /v1/admin/lakehouse/sync-targets`: what is replicated where, newest first, in pages. A tenant's own token sees that
//! tenant's only.

use std::sync::Arc;

use api_kit::records::SyncTargetRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Caller, Cursor, Handler, Page, Platform, Problem, Request};
use domain::TenantId;
use store::Store;

/// The route.
pub struct ListSyncTargets {
    store: Arc<Store>,
}

impl ListSyncTargets {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store() }
    }
}

impl Handler for ListSyncTargets {
    const ROUTE: Route = routes::LIST_SYNC_TARGETS;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let query = request.query();
        let mut fields = query.fields(Self::ROUTE.query);
        let page = Page::read(&mut fields);
        let asked = fields.optional::<TenantId>("tenant_id");
        // The right comes before the form: of another tenant's a tenant learns nothing.
        let tenant = match request.caller {
            Caller::Tenant(own) if query.contains("tenant_id") && asked != Some(own) => {
                return Err(Problem::forbidden());
            }
            Caller::Tenant(own) => Some(own),
            Caller::Anyone | Caller::Member { .. } => asked,
        };
        fields.finish()?;
        let targets = self.store.sync_targets_page(tenant, page.after(), page.rows()).await?;
        let rows = targets
            .rows
            .iter()
            .map(|target| (Cursor { at: target.created_at, id: target.id }, SyncTargetRecord::from(target)));
        Ok(page.answer(request, Self::ROUTE.path, rows, targets.cut))
    }
}
