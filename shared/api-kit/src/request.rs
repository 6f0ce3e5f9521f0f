//! A request as a route sees it.

use std::time::{Duration, Instant, SystemTime};

use domain::{FieldError, Fields, Slug, TenantId};
use lambda_http::http::HeaderMap;
use serde_json::{Map, Value};
use store::{Store, Tenant};

use crate::{Caller, IfMatch, Problem, json};

/// A body may be this large at most, bytes.
const MAX_BODY: usize = 256 * 1024;
/// Time that a request has in any case.
pub(crate) const LEAST_TIME: Duration = Duration::from_millis(500);

/// An authorised request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who is calling.
    pub caller: Caller,
    /// Identifies this request in answers and logs.
    pub request_id: String,
    /// Follows what this request starts.
    pub correlation_id: String,
    /// When this invocation is cut off.
    pub deadline: SystemTime,
    /// By when the route has answered; its work is cut off then.
    pub answer_by: Instant,
    pub(crate) tenant: Option<String>,
    /// Decoded, in the caller's order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A query's parameters by name.
#[derive(Debug)]
pub struct Query {
    parameters: Map<String, Value>,
    /// Names that were given more than once.
    twice: Vec<String>,
}

impl Query {
    /// Starts reading the parameters as strings; those that are not `known`, or were given twice, are errors.
    #[must_use]
    pub fn fields(&self, known: &[&str]) -> Fields<'_> {
        let mut fields = Fields::new(&self.parameters, known);
        for name in &self.twice {
            fields.fail(name, "is given twice");
        }
        fields
    }

    /// Whether it is there, whatever its value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }
}

impl Request {
    /// So long from now, but no longer than leaves `rest` until the route has to have answered.
    #[must_use]
    pub fn within(&self, time: Duration, rest: Duration) -> Instant {
        let now = Instant::now();
        let last = self.answer_by.checked_sub(rest).unwrap_or(now);
        (now + time).min(last)
    }

    /// By when a route has answered that does not need all of its time for this request, but `spared` less.
    #[must_use]
    pub fn answer_sooner(&self, spared: Duration) -> Instant {
        let now = Instant::now();
        now + self.answer_by.saturating_duration_since(now).saturating_sub(spared).max(LEAST_TIME)
    }

    /// The slug in the path. What is no slug names no tenant.
    pub fn slug(&self) -> Result<Slug, Problem> {
        self.tenant().parse().map_err(|_| Problem::tenant_not_found())
    }

    /// The path's `{tenant}`, as it came: a slug, an id, or neither.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }

    /// The tenant the path names, for whoever may see any: by id, else by slug (an id can be a slug).
    pub async fn find_tenant(&self, store: &Store) -> Result<Tenant, Problem> {
        let by_id = match self.tenant().parse() {
            Ok(id) => store.tenant_by_id(TenantId(id)).await?,
            Err(_) => None,
        };
        match by_id {
            Some(tenant) => Ok(tenant),
            None => store.tenant_by_slug(&self.slug()?).await?.ok_or_else(Problem::tenant_not_found),
        }
    }

    /// A header's value. One that is no visible ASCII is malformed.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers.get(name) else { return Ok(None) };
        let value =
            value.to_str().map_err(|_| Problem::malformed_request(&format!("The header {name} is not ASCII.")))?;
        Ok(Some(value))
    }

    /// The versions a change is meant for, if the caller says so.
    pub fn if_match(&self) -> Result<Option<IfMatch>, Problem> {
        self.header("if-match")?.map(IfMatch::parse).transpose()
    }

    /// The query's parameters.
    #[must_use]
    pub fn query(&self) -> Query {
        let mut query = Query { parameters: Map::new(), twice: Vec::new() };
        for (name, value) in &self.query {
            if query.parameters.insert(name.clone(), Value::String(value.clone())).is_some() {
                query.twice.push(name.clone());
            }
        }
        query
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a JSON object.
    pub fn json_object(&self) -> Result<Map<String, Value>, Problem> {
        let media_type = self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type());
        }
        if self.body.len() > MAX_BODY {
            return Err(Problem::body_too_large());
        }
        match json::parse(&self.body)
            .map_err(|detail| Problem::malformed_json(&format!("The body cannot be used: {detail}.")))?
        {
            Value::Object(object) => Ok(object),
            _ => Err(Problem::validation_failed(vec![FieldError {
                field: "(body)".to_owned(),
                message: "must be an object".to_owned(),
            }])),
        }
    }
}
