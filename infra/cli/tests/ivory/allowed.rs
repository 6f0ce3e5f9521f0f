//! What `functions/api/openapi.json` says about a request.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::server::Asked;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../functions/api/openapi.json")).expect("the document is JSON")
});

/// What every request over HTTP may have.
const ITS_OWN: [&str; 6] = ["host", "user-agent", "accept", "accept-encoding", "content-length", "content-type"];

/// Returns the name of the operation that a request calls. Fails unless the document allows the request: its method and
/// path, its query, its headers, and the credential and the body of this operation, and no others.
pub fn operation(asked: &Asked) -> Result<String> {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let (item, gaps) = item(path).with_context(|| format!("no such path: {path}"))?;
    let operation = item.get(&asked.method.to_lowercase()).with_context(|| format!("no such method: {asked:?}"))?;
    let name = operation["operationId"].as_str().context("an operation without a name")?;
    let parameters = Parameters(&operation["parameters"]);
    for (gap, value) in gaps {
        parameters.check("path", gap, value).with_context(|| name.to_owned())?;
    }
    let mut seen = BTreeSet::new();
    for (parameter, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters.check("query", &parameter, &value).with_context(|| name.to_owned())?;
        ensure!(seen.insert(parameter.clone()), "{name}: {parameter} twice");
    }
    let credentials = credentials(operation)?;
    for credential in &credentials {
        ensure!(asked.headers.contains_key(*credential), "{name}: no {credential}");
    }
    for (header, value) in &asked.headers {
        let header = header.as_str();
        if !ITS_OWN.contains(&header) && !credentials.contains(&header) {
            parameters.check("header", header, value.to_str()?).with_context(|| name.to_owned())?;
        }
    }
    body(asked, &operation["requestBody"]).with_context(|| name.to_owned())?;
    Ok(name.to_owned())
}

/// The names of all operations.
pub fn operations() -> BTreeSet<String> {
    let items = DOCUMENT["paths"].as_object().into_iter().flat_map(Map::values);
    let operations = items.flat_map(|item| item.as_object().into_iter().flat_map(Map::values));
    operations.filter_map(|operation| operation["operationId"].as_str().map(str::to_owned)).collect()
}

/// The names of a path's parameters, and what stands in their places.
type Gaps<'a> = Vec<(&'static str, &'a str)>;

/// The path's entry, and what stands in its gaps.
fn item(path: &str) -> Option<(&'static Map<String, Value>, Gaps<'_>)> {
    DOCUMENT["paths"].as_object()?.iter().find_map(|(template, item)| {
        if template.split('/').count() != path.split('/').count() {
            return None;
        }
        let mut gaps = Vec::new();
        for (expected, found) in template.split('/').zip(path.split('/')) {
            match expected.strip_prefix('{').and_then(|gap| gap.strip_suffix('}')) {
                Some(gap) => gaps.push((gap, found)),
                None if expected == found => {}
                None => return None,
            }
        }
        Some((item.as_object()?, gaps))
    })
}

struct Parameters<'a>(&'a Value);

impl Parameters<'_> {
    /// A value is as the parameter of that place and name says.
    fn check(&self, place: &str, name: &str, value: &str) -> Result<()> {
        let is_it = |parameter: &&Value| {
            parameter["in"] == place && parameter["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
        };
        let parameter = self.0.as_array().into_iter().flatten().find(is_it);
        let schema = &parameter.with_context(|| format!("no {place} parameter {name}"))?["schema"];
        let value = if schema["type"] == "integer" { value.parse::<i64>()?.into() } else { Value::from(value) };
        conforms(schema, &value).with_context(|| format!("the {place} parameter {name}"))
    }
}

/// The headers of the operation's credential.
fn credentials(operation: &Value) -> Result<Vec<&'static str>> {
    let alternatives = operation["security"].as_array().context("it does not say which credential it takes")?;
    let names = alternatives.iter().flat_map(|all| all.as_object().into_iter().flat_map(Map::keys));
    names
        .map(|name| match name.as_str() {
            "ApiKey" => Ok("x-api-key"),
            "Bearer" => Ok("authorization"),
            other => bail!("a credential that is not known here: {other}"),
        })
        .collect()
}

fn body(asked: &Asked, documented: &Value) -> Result<()> {
    if asked.body.is_empty() {
        ensure!(documented["required"] != true, "no body");
        return Ok(());
    }
    let media = documented["content"].as_object().context("it takes no body")?;
    let content_type = asked.header("content-type").context("no content-type")?;
    let schema = media.get(content_type).with_context(|| format!("it takes no {content_type}"))?;
    conforms(&schema["schema"], &serde_json::from_str(&asked.body)?).context("the body")
}

fn conforms(schema: &Value, value: &Value) -> Result<()> {
    let mut schema = schema.clone();
    schema["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema)?;
    let faults: Vec<_> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
    ensure!(faults.is_empty(), "{faults:?}: {value}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    const UPDATE: (&str, &str, &str) = ("PATCH", "/v1/admin/tenants/acme-bank", r#"{"tier": "pilot"}"#);

    fn asked((method, path, body): (&str, &str, &str), headers: &[(&'static str, &'static str)]) -> Asked {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers: HeaderMap = headers.collect();
        Asked { method: method.to_owned(), path: path.to_owned(), headers, body: body.to_owned(), at: Instant::now() }
    }

    /// A request that differs from an allowed one in one thing is refused.
    #[test]
    fn one_wrong_thing_is_enough() -> Result<()> {
        let (key, json) = (("x-api-key", "k"), ("content-type", "application/json"));
        let (token, once) = (("authorization", "Bearer t"), ("idempotency-key", "one"));
        let (get, list) = (("GET", "/v1/admin/tenants/acme-bank", ""), "/v1/admin/tenants");
        let health = ("GET", "/v1/admin/lakehouse/health", "");
        let allowed: &[(&str, (&str, &str, &str), &[_])] = &[
            ("update-tenant", UPDATE, &[key, json, once]),
            ("get-tenant", get, &[key, ("host", "h"), ("if-none-match", "\"3\"")]),
            ("list-tenants", ("GET", "/v1/admin/tenants?limit=20&tier=pilot", ""), &[key]),
            ("check-lakehouse-health", health, &[]),
        ];
        for (name, request, headers) in allowed {
            assert_eq!(operation(&asked(*request, headers))?, *name);
        }
        let refused: &[(&str, (&str, &str, &str), &[_])] = &[
            ("no such path", ("GET", "/v1/admin/tenants/acme-bank/", ""), &[key]),
            ("no such path", ("GET", "/v2/admin/tenants", ""), &[key]),
            ("no such method", ("PUT", UPDATE.1, UPDATE.2), &[key, json]),
            ("path parameter tenant", ("GET", "/v1/admin/tenants/Acme", ""), &[key]),
            ("no query parameter color", ("GET", &format!("{list}?color=red"), ""), &[key]),
            ("query parameter limit", ("GET", &format!("{list}?limit=0"), ""), &[key]),
            ("invalid digit", ("GET", &format!("{list}?limit=many"), ""), &[key]),
            ("limit twice", ("GET", &format!("{list}?limit=1&limit=2"), ""), &[key]),
            ("no query parameter limit", ("GET", &format!("{}?limit=1", get.1), ""), &[key]),
            ("no x-api-key", get, &[]),
            ("header parameter authorization", get, &[key, token]),
            ("header parameter x-api-key", health, &[key]),
            ("no header parameter x-trace", get, &[key, ("x-trace", "1")]),
            ("header parameter idempotency-key", get, &[key, once]),
            ("header parameter idempotency-key", UPDATE, &[key, json, ("idempotency-key", "two words")]),
            ("no body", ("PATCH", UPDATE.1, ""), &[key, json]),
            ("no content-type", UPDATE, &[key]),
            ("takes no text/json", UPDATE, &[key, ("content-type", "text/json")]),
            ("it takes no body", ("GET", get.1, "{}"), &[key, json]),
            ("the body", ("PATCH", UPDATE.1, r#"{"tier": "gold"}"#), &[key, json]),
            ("the body", ("PATCH", UPDATE.1, r#"{"tiers": "pilot"}"#), &[key, json]),
            ("expected", ("PATCH", UPDATE.1, "{"), &[key, json]),
        ];
        for (why, request, headers) in refused {
            let fault = operation(&asked(*request, headers)).err().with_context(|| format!("{why} was allowed"))?;
            let fault = format!("{fault:#}");
            assert!(fault.contains(why) || *why == "expected", "{why}: {fault}");
        }
        assert!(operations().contains("update-tenant"));
        Ok(())
    }
}
