//! A request as a route receives it.

use std::time::SystemTime;

use domain::{Slug, TenantId};
use lambda_http::http::HeaderMap;
use store::{Reader, Tenant};

use crate::{Caller, Problem};

/// An authorised request. The other parts of the request are in the handler's input.
#[derive(Clone, Debug)]
pub struct Request {
    /// The caller.
    pub caller: Caller,
    /// Identifies this request in answers and logs.
    pub request_id: String,
    /// The correlation id. Everything that this request starts logs it.
    pub correlation_id: String,
    /// When this invocation ends at the latest.
    pub(crate) deadline: SystemTime,
    pub(crate) tenant: Option<String>,
    /// The parameters, decoded, in the caller's order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The path's `{tenant}` as it was sent: a slug, an id, or neither.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }

    /// The tenant that the path names by its id or by its slug, for a caller who may see every tenant. A text that is
    /// an id can also be a slug.
    pub async fn find_tenant(&self, store: &Reader) -> Result<Tenant, Problem> {
        let by_id = match self.tenant().parse() {
            Ok(id) => store.tenant_by_id(TenantId(id)).await?,
            Err(_) => None,
        };
        if let Some(tenant) = by_id {
            return Ok(tenant);
        }
        let slug: Slug = self.tenant().parse().map_err(|_| Problem::tenant_not_found())?;
        store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)
    }

    /// A header's value, which must be visible ASCII.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers.get(name) else { return Ok(None) };
        let value =
            value.to_str().map_err(|_| Problem::malformed_request(&format!("The header {name} is not ASCII.")))?;
        Ok(Some(value))
    }

    /// The body as it was sent.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}
