//! `functions/api/openapi.json` describes what the code does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use contracts::openapi;
use contracts::read;
use domain::routes::{Credential, ROUTES};
use domain::{
    CatalogRequest, FieldError, Fields, InvitationRequest, ProblemCode, ProvisionRequest, SyncTargetRequest,
    TenantChange,
};
use serde_json::{Map, Value, json};

fn document() -> Result<Value> {
    Ok(serde_json::from_str(&read(openapi::PATH)?)?)
}

/// Every operation of the document by its id.
fn operations(document: &Value) -> Result<BTreeMap<String, (String, String, Value)>> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().context("paths")? {
        for (method, operation) in item.as_object().context("a path")? {
            let id = operation["operationId"].as_str().context("operationId")?.to_owned();
            found.insert(id, (method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    Ok(found)
}

#[test]
fn the_document_is_up_to_date() -> Result<()> {
    assert!(read(openapi::PATH)? == openapi::render()?, "{} is out of date: cargo xtask openapi", openapi::PATH);
    Ok(())
}

#[test]
fn operations_match_the_route_table() -> Result<()> {
    let document = document()?;
    let operations = operations(&document)?;
    assert_eq!(operations.len(), ROUTES.len());
    for route in ROUTES {
        let (method, path, operation) = operations.get(route.name).with_context(|| route.name.to_owned())?;
        assert_eq!((method.as_str(), path.as_str()), (route.method, route.path), "{}", route.name);
        let security = match route.credential {
            Credential::ApiKey => json!([{ "ApiKey": [] }]),
            Credential::Bearer => json!([{ "Bearer": [] }]),
            Credential::None => json!([]),
        };
        assert_eq!(operation["security"], security, "{}", route.name);
        assert_eq!(operation.get("requestBody").is_some(), route.body.is_taken(), "{}", route.name);
        let responses = operation["responses"].as_object().context("responses")?;
        assert!(responses.contains_key(&route.status.to_string()), "{}", route.name);
        for code in route.problems() {
            let problem = &responses.get(&code.status().to_string()).with_context(|| format!("{code:?}"))?["content"]["application/problem+json"];
            let codes = problem["x-codes"].as_array().context("codes")?;
            assert!(codes.contains(&json!(code.as_str())), "{}: {code:?}", route.name);
        }
    }
    Ok(())
}

/// Every operation documents the answers that the gateway gives without calling a function.
#[test]
fn answers_of_the_gateway_are_documented() -> Result<()> {
    let template = contracts::template::Template::load()?;
    let responses = template.resource("Api")?["Properties"]["GatewayResponses"].as_object().context("responses")?;
    for (kind, response) in responses {
        let body = response["ResponseTemplates"]["application/json"].as_str().context("a template")?;
        let problem: Value = serde_json::from_str(body)?;
        let code =
            ProblemCode::ALL.iter().find(|code| problem["code"] == code.as_str()).with_context(|| kind.clone())?;
        assert_eq!(problem["status"], code.status(), "{kind}");
        assert_eq!(problem["title"], code.title(), "{kind}");
        assert_eq!(response["StatusCode"], code.status(), "{kind}");
        // These four depend on the route. Any route may answer with the others.
        let some = matches!(
            code,
            ProblemCode::RouteNotFound
                | ProblemCode::UnsupportedMediaType
                | ProblemCode::Unauthenticated
                | ProblemCode::Forbidden
        );
        for route in ROUTES {
            assert!(some || route.problems().contains(code), "{kind} of {}", route.name);
        }
    }
    Ok(())
}

/// The fields that the document requires are those that the parser misses in an empty body. (Parser and schema are made
/// from one table, so they always have the same fields.)
#[test]
fn a_body_requires_the_documented_fields() {
    type Parse = fn(&Map<String, Value>) -> Result<(), Vec<FieldError>>;
    let parsers: [(&str, Value, Parse); 5] = [
        ("provision-tenant", ProvisionRequest::schema(), |body| ProvisionRequest::parse(body, &[]).map(drop)),
        ("update-tenant", TenantChange::schema(), |body| TenantChange::parse(body, &[]).map(drop)),
        ("invite-admin", InvitationRequest::schema(), |body| InvitationRequest::parse(body).map(drop)),
        ("upsert-catalog", CatalogRequest::schema(), |body| CatalogRequest::parse(body).map(drop)),
        ("register-sync-target", SyncTargetRequest::schema(), |body| SyncTargetRequest::parse(body).map(drop)),
    ];
    let routes: BTreeSet<_> = ROUTES.iter().filter(|route| route.body.is_taken()).map(|route| route.name).collect();
    assert_eq!(routes, parsers.iter().map(|(name, ..)| *name).collect(), "routes with a body");
    for (name, schema, parse) in parsers {
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        let required: BTreeSet<_> = required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let missing: BTreeSet<_> = parse(&Map::new()).err().into_iter().flatten().map(|error| error.field).collect();
        assert_eq!(required, missing, "{name}");
    }
}

#[test]
fn examples_of_bodies_are_valid() -> Result<()> {
    for (name, (_, _, operation)) in operations(&document()?)? {
        for (example, body) in
            operation["requestBody"]["content"]["application/json"]["examples"].as_object().into_iter().flatten()
        {
            let body = body["value"].as_object().context("an object")?;
            let outcome = match name.as_str() {
                "provision-tenant" => ProvisionRequest::parse(body, &[]).map(drop),
                "update-tenant" => TenantChange::parse(body, &[]).map(drop),
                "invite-admin" => InvitationRequest::parse(body).map(drop),
                "upsert-catalog" => CatalogRequest::parse(body).map(drop),
                "register-sync-target" => SyncTargetRequest::parse(body).map(drop),
                _ => anyhow::bail!("{name} is not known here"),
            };
            assert_eq!(outcome, Ok(()), "{name}: {example}");
        }
    }
    Ok(())
}

#[test]
fn requests_are_closed_answers_are_open_and_secrets_are_write_only() -> Result<()> {
    let document = document()?;
    let schemas = document["components"]["schemas"].as_object().context("schemas")?;
    let bodies: BTreeSet<_> = operations(&document)?
        .values()
        .filter_map(|(_, _, operation)| {
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().map(str::to_owned)
        })
        .collect();
    for (name, schema) in schemas {
        let closed = bodies.contains(&format!("#/components/schemas/{name}"));
        assert_eq!(schema.get("additionalProperties"), closed.then_some(&json!(false)), "{name}");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let secret = field.contains("secret") || field.contains("access_key");
            assert_eq!(property["writeOnly"] == true, secret, "{name}.{field}");
            assert!(!secret || closed, "{name}.{field} is answered");
            assert!(name == "Problem" || property["x-source"].is_string(), "{name}.{field} has no source");
        }
    }
    Ok(())
}

#[test]
fn query_parameters_are_read_by_their_documented_names() -> Result<()> {
    for route in ROUTES.iter().filter(|route| !route.query.is_empty()) {
        let query: Map<_, _> = route.query.iter().map(|name| ((*name).to_owned(), json!("x"))).collect();
        assert!(Fields::new(&query, route.query).finish().is_ok(), "{}", route.name);
    }
    let operations = operations(&document()?)?;
    for route in ROUTES {
        let parameters = operations[route.name].2["parameters"].as_array().context("parameters")?;
        let query: Vec<_> =
            parameters.iter().filter(|it| it["in"] == "query").filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(query, route.query, "{}", route.name);
    }
    Ok(())
}
