//! The parts of a request that a handler takes, as types. A handler can read only the parts that its input names. The
//! function compiles only if they are those in the route table.

use domain::routes::Route;
use domain::{FieldError, Fields, ProvisioningState, Slug, TenantId};
use serde_json::{Map, Value};
use store::{Reader, Tenant};

use crate::{IfMatch, Problem, Request, json};

/// The most bytes that a body may have.
const MAX_BODY: usize = 256 * 1024;

/// The parts of a request that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each part, as in the route table")]
pub struct Takes {
    body: bool,
    query: bool,
    if_match: bool,
    tenants_own: bool,
}

impl Takes {
    const NOTHING: Self = Self { body: false, query: false, if_match: false, tenants_own: false };

    const fn and(self, other: Self) -> Self {
        Self {
            body: self.body || other.body,
            query: self.query || other.query,
            if_match: self.if_match || other.if_match,
            tenants_own: self.tenants_own || other.tenants_own,
        }
    }

    /// Whether these are exactly the parts in the route's table entry.
    #[must_use]
    pub const fn are_those_of(self, route: &Route) -> bool {
        self.body == route.body.is_taken()
            && self.query != route.query.is_empty()
            && self.if_match == route.if_match
            && self.tenants_own == route.tenants_own
    }
}

/// Parts of a request. They are read in the order in which they are named.
pub trait Input: Sized + Send {
    /// The parts that this input reads.
    const TAKES: Takes;

    /// Reads them.
    fn read(request: &Request) -> Result<Self, Problem>;
}

impl Input for () {
    const TAKES: Takes = Takes::NOTHING;

    fn read(_: &Request) -> Result<Self, Problem> {
        Ok(())
    }
}

impl<A: Input, B: Input> Input for (A, B) {
    const TAKES: Takes = A::TAKES.and(B::TAKES);

    fn read(request: &Request) -> Result<Self, Problem> {
        Ok((A::read(request)?, B::read(request)?))
    }
}

impl<A: Input, B: Input, C: Input> Input for (A, B, C) {
    const TAKES: Takes = A::TAKES.and(B::TAKES).and(C::TAKES);

    fn read(request: &Request) -> Result<Self, Problem> {
        Ok((A::read(request)?, B::read(request)?, C::read(request)?))
    }
}

/// The slug in the path. If the text is not a slug, there is no such tenant.
#[derive(Clone, Debug)]
pub struct SlugInPath(pub Slug);

impl Input for SlugInPath {
    const TAKES: Takes = Takes::NOTHING;

    fn read(request: &Request) -> Result<Self, Problem> {
        request.tenant().parse().map(Self).map_err(|_| Problem::tenant_not_found())
    }
}

/// The body, a JSON object.
#[derive(Clone, Debug)]
pub struct Json(pub Map<String, Value>);

impl Input for Json {
    const TAKES: Takes = Takes { body: true, ..Takes::NOTHING };

    fn read(request: &Request) -> Result<Self, Problem> {
        let media_type = request.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type());
        }
        if request.body().len() > MAX_BODY {
            return Err(Problem::body_too_large());
        }
        match json::parse(request.body())
            .map_err(|detail| Problem::malformed_json(&format!("The body cannot be used: {detail}.")))?
        {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(Problem::validation_failed(vec![FieldError {
                field: "(body)".to_owned(),
                message: "must be an object".to_owned(),
            }])),
        }
    }
}

/// The same, but without a body it is an empty object.
#[derive(Clone, Debug)]
pub struct OptionalJson(pub Map<String, Value>);

impl Input for OptionalJson {
    const TAKES: Takes = Json::TAKES;

    fn read(request: &Request) -> Result<Self, Problem> {
        if request.body().is_empty() {
            return Ok(Self(Map::new()));
        }
        Json::read(request).map(|Json(body)| Self(body))
    }
}

/// The query's parameters by name.
#[derive(Clone, Debug)]
pub struct Query {
    parameters: Map<String, Value>,
    /// Names that were given more than once.
    twice: Vec<String>,
}

impl Query {
    /// Starts reading the parameters as strings. Those that are not `known`, or were given twice, are errors.
    #[must_use]
    pub fn fields(&self, known: &[&str]) -> Fields<'_> {
        let mut fields = Fields::new(&self.parameters, known);
        for name in &self.twice {
            fields.fail(name, "is given twice");
        }
        fields
    }

    /// Whether a parameter is present, with any value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }
}

impl Input for Query {
    const TAKES: Takes = Takes { query: true, ..Takes::NOTHING };

    fn read(request: &Request) -> Result<Self, Problem> {
        let mut query = Self { parameters: Map::new(), twice: Vec::new() };
        for (name, value) in &request.query {
            if query.parameters.insert(name.clone(), Value::String(value.clone())).is_some() {
                query.twice.push(name.clone());
            }
        }
        Ok(query)
    }
}

/// The versions that the change is for, if the caller names any.
#[derive(Clone, Debug)]
pub struct Precondition(pub Option<IfMatch>);

impl Input for Precondition {
    const TAKES: Takes = Takes { if_match: true, ..Takes::NOTHING };

    fn read(request: &Request) -> Result<Self, Problem> {
        Ok(Self(request.header("if-match")?.map(IfMatch::parse).transpose()?))
    }
}

/// The tenant that calls with its own token, and may see only its own resources. `None`: the caller may see every
/// tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantsOwn(pub Option<TenantId>);

impl TenantsOwn {
    /// The row of the tenant that calls with its own token, if there is one. A deprovisioned tenant may see nothing any more,
    /// however long its token is valid: each request reads the row.
    pub async fn row(self, store: &Reader) -> Result<Option<Tenant>, Problem> {
        let Self(Some(own)) = self else { return Ok(None) };
        let row = store.tenant_by_id(own).await?;
        if row.as_ref().is_some_and(|tenant| tenant.state == ProvisioningState::Deprovisioned) {
            return Err(Problem::forbidden());
        }
        Ok(row)
    }
}

impl Input for TenantsOwn {
    const TAKES: Takes = Takes { tenants_own: true, ..Takes::NOTHING };

    fn read(request: &Request) -> Result<Self, Problem> {
        Ok(Self(request.caller.tenant()))
    }
}

#[cfg(test)]
mod tests {
    use domain::routes;

    use super::*;

    #[test]
    fn an_input_takes_what_the_route_table_says() {
        assert!(<(SlugInPath, Json, Precondition)>::TAKES.are_those_of(&routes::UPDATE_TENANT));
        assert!(<(Query, TenantsOwn)>::TAKES.are_those_of(&routes::LIST_SYNC_TARGETS));
        assert!(SlugInPath::TAKES.are_those_of(&routes::GET_TENANT));
        for takes in [Json::TAKES, <(SlugInPath, Json)>::TAKES, <()>::TAKES, <(Query, Json, Precondition)>::TAKES] {
            assert!(!takes.are_those_of(&routes::UPDATE_TENANT), "{takes:?}");
        }
        assert!(!TenantsOwn::TAKES.are_those_of(&routes::GET_TENANT));
    }
}
