//! `GET /v1/customers/search`: a query language, and an index that lags behind.

use std::time::Instant;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::model::Customer;
use crate::params::{Params, missing};
use crate::shape;
use crate::store::{Effect, limit};

/// `email:'a@b.co' AND metadata['tenant_id']:'x'`: clauses that must all hold. `OR` is not simulated.
#[derive(Debug, PartialEq, Eq)]
struct Query(Vec<Clause>);

#[derive(Debug, PartialEq, Eq)]
struct Clause {
    field: Field,
    value: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Field {
    Email,
    Name,
    Phone,
    Metadata(String),
}

impl Query {
    fn parse(text: &str) -> Option<Self> {
        let clauses: Vec<Clause> = text.split(" AND ").map(Clause::parse).collect::<Option<_>>()?;
        Some(Self(clauses))
    }

    fn matches(&self, customer: &Customer) -> bool {
        self.0.iter().all(|clause| clause.matches(customer))
    }
}

impl Clause {
    fn parse(text: &str) -> Option<Self> {
        let (field, value) = text.trim().split_once(':')?;
        let field = match field {
            "email" => Field::Email,
            "name" => Field::Name,
            "phone" => Field::Phone,
            other => Field::Metadata(unquote(other.strip_prefix("metadata[")?.strip_suffix(']')?)?.to_owned()),
        };
        Some(Self { field, value: unquote(value)?.to_owned() })
    }

    /// Compares whole values, ignoring case.
    fn matches(&self, customer: &Customer) -> bool {
        let value = match &self.field {
            Field::Email => customer.email.as_ref(),
            Field::Name => customer.name.as_ref(),
            Field::Phone => customer.phone.as_ref(),
            Field::Metadata(key) => customer.metadata.get(key),
        };
        value.is_some_and(|value| value.to_lowercase() == self.value.to_lowercase())
    }
}

fn unquote(text: &str) -> Option<&str> {
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote));
    quoted('\'').or_else(|| quoted('"'))
}

pub(crate) fn customers(params: &mut Params) -> Result<Effect, ApiError> {
    let text = params.text("query")?.ok_or_else(|| missing("query"))?;
    let query = Query::parse(&text).ok_or_else(|| {
        ApiError::invalid(
            "We were unable to parse your search query. Try using the format `metadata[\"key\"]:\"value\"`.",
        )
        .param("query")
    })?;
    let limit = limit(params)?;
    // The page token is the number of results before the page.
    let skip = params
        .text("page")?
        .map_or(Ok(0), |page| page.parse::<usize>())
        .map_err(|_| ApiError::invalid("The page provided is invalid.").param("page"))?;
    Ok(Box::new(move |store| {
        let now = Instant::now();
        let found = |customer: &&Customer| !customer.deleted && customer.searchable <= now && query.matches(customer);
        let mut results = store.customers.rows().iter().rev().filter(found).skip(skip);
        let data: Vec<Value> = results.by_ref().take(limit).map(shape::customer).collect();
        let has_more = results.next().is_some();
        let next_page = has_more.then(|| (skip + limit).to_string());
        Ok(json!({
            "object": "search_result",
            "url": "/v1/customers/search",
            "has_more": has_more,
            "next_page": next_page,
            "data": data,
        }))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let query = Query::parse("email:'a@b.co' AND metadata['k']:\"v\"").expect("a query");
        let clause = |field, value: &str| Clause { field, value: value.to_owned() };
        let expected = vec![clause(Field::Email, "a@b.co"), clause(Field::Metadata("k".to_owned()), "v")];
        assert_eq!(query, Query(expected));
        for bad in ["", "email", "email:a", "foo:'a'", "metadata[k]:'v'", "email:'a' OR name:'b'"] {
            assert_eq!(Query::parse(bad), None, "{bad}");
        }
    }
}
