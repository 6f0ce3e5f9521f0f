//! `GET /v1/admin/lakehouse/sync-targets`: what is replicated where, newest first, in pages. A tenant's own token sees that
//! tenant's targets only.

use api_kit::records::SyncTargetRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Cursor, Handler, Page, Problem, Query, Request, TenantsOwn};
use domain::TenantId;
use lambda_kit::needs;
use store::ControlReader;

needs! {
    /// Lists sync targets.
    pub struct ListSyncTargets {
        store: ControlReader,
    }
}

impl Handler for ListSyncTargets {
    const ROUTE: Route = routes::LIST_SYNC_TARGETS;
    type Input = (Query, TenantsOwn);

    async fn handle(
        &self,
        request: &Request,
        (query, TenantsOwn(own)): (Query, TenantsOwn),
        _: Budget,
    ) -> Result<Answer, Problem> {
        let mut fields = query.fields(Self::ROUTE.query);
        let page = Page::read(&mut fields);
        let asked = fields.optional::<TenantId>("tenant_id");
        // The right is checked before the fields, so that a tenant learns nothing about another one.
        if own.is_some() && query.contains("tenant_id") && asked != own {
            return Err(Problem::forbidden());
        }
        TenantsOwn(own).row(&self.store).await?;
        fields.finish()?;
        let targets = self.store.sync_targets_page(own.or(asked), page.after(), page.rows()).await?;
        let rows = targets
            .rows
            .iter()
            .map(|target| (Cursor { at: target.created_at, id: target.id }, SyncTargetRecord::from(target)));
        Ok(page.answer(request, Self::ROUTE.path, rows, targets.cut))
    }
}
