//! `GET /v1/admin/lakehouse/catalogs`: every tenant's catalogs, active or not, newest first, in pages.

use api_kit::records::CatalogRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Cursor, Handler, Page, Problem, Query, Request};
use lambda_kit::needs;
use store::ControlReader;

needs! {
    /// Lists catalogs.
    pub struct ListCatalogs {
        store: ControlReader,
    }
}

impl Handler for ListCatalogs {
    const ROUTE: Route = routes::LIST_CATALOGS;
    type Input = Query;

    async fn handle(&self, request: &Request, query: Query, _: Budget) -> Result<Answer, Problem> {
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
