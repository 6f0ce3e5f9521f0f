//! A request as a route receives it.

use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use domain::{FieldError, Slug, TenantId};
use lambda_http::http::{HeaderMap, HeaderValue};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt as _};
use store::{Author, Reader, Tenant};
use zeroize::Zeroizing;

use crate::{Caller, Problem};

/// An authorised request. The other parts of the request are in the handler's input.
#[derive(Clone)]
pub struct Request {
    /// The caller.
    pub caller: Caller,
    /// Identifies this request in answers and logs.
    pub request_id: String,
    /// The correlation id. Everything that this request starts logs it.
    pub correlation_id: String,
    /// From where it came, as the gateway saw it: behind a proxy of the platform, that proxy.
    pub(crate) address: Option<IpAddr>,
    /// When this invocation ends at the latest.
    pub(crate) deadline: SystemTime,
    pub(crate) tenant: Option<String>,
    /// The parameters, decoded, in the caller's order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Headers, query and body may hold credentials, so only the names of the first two are shown.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("caller", &self.caller)
            .field("request_id", &self.request_id)
            .field("correlation_id", &self.correlation_id)
            .field("address", &self.address)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Request {
    /// The request in a gateway's event, of a caller who may send it.
    #[must_use]
    pub fn new(event: lambda_http::Request, caller: Caller, request_id: String, correlation_id: String) -> Self {
        let tenant = event.path_parameters_ref().and_then(|parameters| parameters.first("tenant")).map(str::to_owned);
        let address = match event.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => {
                context.identity.source_ip.as_deref().and_then(|ip| ip.parse().ok())
            }
            _ => None,
        };
        let query = event
            .query_string_parameters_ref()
            .map(|query| query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        let deadline = event.lambda_context_ref().map_or_else(SystemTime::now, lambda_http::Context::deadline);
        let (parts, body) = event.into_parts();
        let body = match body {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
            _ => Vec::new(),
        };
        let (query, body) = (query.unwrap_or_default(), Zeroizing::new(body));
        let headers = parts.headers;
        Self { caller, request_id, correlation_id, address, deadline, tenant, query, headers, body }
    }

    /// By whom this request's changes are made, for the audit log.
    #[must_use]
    pub fn author(&self) -> Author<'_> {
        Author { actor: self.caller.actor(), address: self.address, request_id: &self.request_id }
    }

    /// The path's `{tenant}` as it was sent: a slug, an id, or neither.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }

    /// The tenant that the path names by its id or by its slug, for a caller who may see every tenant. Only the usual form
    /// with hyphens is an id, and it is that tenant's even if another one's slug reads the same: older releases gave such
    /// slugs.
    pub async fn find_tenant(&self, store: &Reader) -> Result<Tenant, Problem> {
        let by_id = match self.tenant().parse::<TenantId>() {
            Ok(id) => store.tenant_by_id(id).await?,
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
        ascii(name, value).map(Some)
    }

    /// The idempotency key, if there is one.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        const NAME: &str = "Idempotency-Key";
        let bad = || {
            let message = "must be 1 to 255 visible ASCII characters".to_owned();
            Problem::from(vec![FieldError { field: NAME.to_owned(), message }])
        };
        let Some(key) = self.header(NAME).map_err(|_| bad())? else { return Ok(None) };
        let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Some(key)) } else { Err(bad()) }
    }

    /// A header whose value is a list. Several lines of it are one list (RFC 9110, 5.3).
    pub(crate) fn list_header(&self, name: &str) -> Result<Option<String>, Problem> {
        let lines = self.headers.get_all(name).iter().map(|line| ascii(name, line));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        Ok((!lines.is_empty()).then(|| lines.join(",")))
    }

    /// The body as it was sent.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

fn ascii<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, Problem> {
    value.to_str().map_err(|_| Problem::malformed_request(&format!("The header {name} is not ASCII.")))
}
