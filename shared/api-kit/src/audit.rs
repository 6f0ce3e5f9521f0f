//! The audit log, as the routes list it.

use domain::TenantId;
use store::{AuditEntry, AuditFilter, Cut, Reader};
use uuid::Uuid;

use crate::records::AuditRecord;
use crate::{Answer, Cursor, Form, Moment, Page, Problem, Query, Request};

/// Which rows a caller asked for.
pub struct AuditQuery {
    page: Page,
    filter: AuditFilter,
}

impl AuditQuery {
    /// Reads the query's parameters, of which these are known.
    pub fn read(query: &Query, known: &[&str]) -> Result<Self, Problem> {
        let mut fields = query.fields(known);
        let page = Page::read(&mut fields);
        let filter = AuditFilter {
            tenant: None,
            actor: fields.optional("actor"),
            action: fields.optional("action"),
            request_id: fields.optional("request_id"),
            since: fields.optional("since").map(|Moment(at)| at),
            until: fields.optional("until").map(|Moment(at)| at),
        };
        fields.finish()?;
        Ok(Self { page, filter })
    }

    /// Answers with these rows of one tenant or of all, as JSON or as CSV. `path` is the request's.
    pub async fn answer(
        self,
        request: &Request,
        store: &Reader,
        tenant: Option<TenantId>,
        path: &str,
    ) -> Result<Answer, Problem> {
        let after = self.page.after().map(|(at, id)| (at, i64::try_from(id.as_u128()).unwrap_or(i64::MAX)));
        let entries: Cut<AuditEntry> =
            store.audit_page(&AuditFilter { tenant, ..self.filter }, after, self.page.rows()).await?;
        let rows = entries.rows.iter().map(|entry| {
            let id = Uuid::from_u128(u128::from(entry.id.unsigned_abs()));
            (Cursor { at: entry.at, id }, AuditRecord::from(entry))
        });
        Ok(match Form::of(request) {
            Form::Json => self.page.answer(request, path, rows, entries.cut),
            Form::Csv => {
                let rows = rows.map(|(cursor, record)| (cursor, record.columns()));
                self.page.csv(request, path, AuditRecord::COLUMNS, rows, entries.cut)
            }
        })
    }
}
