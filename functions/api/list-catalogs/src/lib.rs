//! `GET /v1/admin/lakehouse/catalogs`: every tenant's catalogs, active or not, newest first, in pages.

use std::sync::Arc;

use api_kit::records::CatalogRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Cursor, Handler, Page, Platform, Problem, Request};
use store::Store;

/// The route.
pub struct ListCatalogs {
    store: Arc<Store>,
}

impl ListCatalogs {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store() }
    }
}

impl Handler for ListCatalogs {
    const ROUTE: Route = routes::LIST_CATALOGS;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let query = request.query();
        let mut fields = query.fields(Self::ROUTE.query);
        let page = Page::read(&mut fields);
        fields.finish()?;
        let catalogs = self.store.catalogs_page(page.after(), page.rows()).await?;
        let rows = catalogs
            .rows
            .iter()
            .map(|catalog| (Cursor { at: catalog.provisioned_at, id: catalog.id.0 }, CatalogRecord::from(catalog)));
        Ok(page.answer(request, Self::ROUTE.path, rows, catalogs.cut))
    }
}
