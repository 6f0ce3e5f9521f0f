//! `functions/api/openapi.json` describes what the code does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use contracts::openapi;
use contracts::read;
use domain::routes::{Credential, ROUTES};
use domain::{
    CatalogRequest, FieldError, Fields, HoldRequest, InvitationRequest, ProblemCode, ProvisionRequest, PurgeApproval,
    PurgeRequest, RepairRequest, Slug, SyncTargetRequest, TenantChange,
};
use serde_json::{Map, Value, json};

/// The tenant of the examples, whom a purge's body confirms.
fn acme_bank() -> Slug {
    "acme-bank".parse().expect("a slug")
}

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

/// What whoever reads the rendered page, or writes a client, has to find.
#[test]
fn a_reader_finds_what_a_client_needs() -> Result<()> {
    let document = document()?;
    let info = &document["info"];
    for name in ["title", "version", "summary", "description"] {
        assert!(info[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    assert!(info["contact"]["name"].is_string() && info["license"]["identifier"].is_string());
    let introduction = info["description"].as_str().context("an introduction")?;
    let headers = document["paths"].to_string();
    for name in
        ["X-API-Key", "Authorization: Bearer", "Idempotency-Key", "If-Match", "If-None-Match", "x-correlation-id"]
    {
        assert!(introduction.contains(name), "the introduction does not explain {name}");
    }
    for name in ["Retry-After", "Link", "ETag", "x-request-id", "x-ivory-version", "Idempotency-Replayed"] {
        let explained = introduction.contains(&format!("`{name}")) && headers.contains(&format!("\"{name}\""));
        assert!(explained, "the introduction does not explain {name}, or no answer has it");
    }
    let mut tags = BTreeSet::new();
    for tag in document["tags"].as_array().context("tags")? {
        assert!(tag["description"].as_str().is_some_and(is_sentence), "{tag}");
        tags.insert(tag["name"].as_str().context("a tag's name")?);
    }
    let mut used = BTreeSet::new();
    for (id, (method, _, operation)) in operations(&document)? {
        let tag = operation["tags"][0].as_str().filter(|tag| tags.contains(tag)).with_context(|| id.clone())?;
        used.insert(tag.to_owned());
        assert!(operation["summary"].as_str().is_some_and(|text| !text.ends_with('.')), "{id}: summary");
        assert!(operation["description"].as_str().is_some_and(is_sentence), "{id}: description");
        for parameter in operation["parameters"].as_array().context("parameters")? {
            let sound = parameter["description"].as_str().is_some_and(is_sentence) && parameter["schema"].is_object();
            assert!(sound, "{id}: {}", parameter["name"]);
        }
        let responses = operation["responses"].as_object().context("responses")?;
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(is_sentence), "{id}: {status}");
            let content = response["content"].as_object();
            assert_eq!(content.is_none(), matches!(status.as_str(), "204" | "304"), "{id}: {status}");
            for media in content.into_iter().flat_map(Map::values) {
                assert!(
                    media["schema"].is_object() && (media["example"] != Value::Null || media["examples"].is_object()),
                    "{id}: {status}"
                );
            }
        }
        let has = |status: &str| responses.contains_key(status);
        assert!(has("429") && has("400") && has("500") && has("503"), "{id}");
        let closed = operation["security"] != json!([]);
        assert_eq!((has("401"), has("403")), (closed, closed), "{id}");
        assert_eq!(operation["requestBody"].is_object(), has("415"), "{id}");
        assert_eq!(has("304"), has("412") && method == "GET", "{id}");
    }
    assert!(used.iter().map(String::as_str).eq(tags), "a tag that nothing has");
    Ok(())
}

fn is_sentence(text: &str) -> bool {
    text.starts_with(|c: char| c.is_uppercase() || matches!(c, '`' | '-')) && text.ends_with('.')
}

/// What generators stop at, or leave out with a warning. `tests/clients` runs two of them.
#[test]
fn generators_find_nothing_that_they_do_not_know() -> Result<()> {
    fn check(at: &str, value: &Value) {
        if at.ends_with("/x-source") || at.ends_with("/example") || at.ends_with("/examples") || at.ends_with("/value")
        {
            return;
        }
        if value.get("const").is_some() {
            assert!(value["type"].is_string(), "{at}: a constant without a type");
        }
        let default = &value["default"];
        assert!(!default.is_object() && default.as_array().is_none_or(Vec::is_empty), "{at}: a default of many values");
        assert!(value.get("allOf").is_none() && value.get("if").is_none(), "{at}: a combination of schemas");
        for (name, child) in value.as_object().into_iter().flatten() {
            check(&format!("{at}/{name}"), child);
        }
        for (index, child) in value.as_array().into_iter().flatten().enumerate() {
            check(&format!("{at}/{index}"), child);
        }
    }
    let document = document()?;
    check("", &document["components"]);
    check("", &document["paths"]);
    for (id, (_, path, operation)) in operations(&document)? {
        for parameter in operation["parameters"].as_array().context("parameters")? {
            let in_path = path.contains(&format!("{{{}}}", parameter["name"].as_str().context("a name")?));
            assert_eq!(parameter["in"] == "path", in_path, "{id}");
            assert!(parameter["schema"].get("anyOf").is_none() && parameter["schema"].get("oneOf").is_none(), "{id}");
        }
        for response in operation["responses"].as_object().into_iter().flat_map(Map::values) {
            let problem = &response["content"]["application/problem+json"];
            assert!(
                problem.is_null() || problem["schema"] == json!({ "$ref": "#/components/schemas/Problem" }),
                "{id}"
            );
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
    let parsers: [(&str, Value, Parse); 9] = [
        ("provision-tenant", ProvisionRequest::schema(), |body| ProvisionRequest::parse(body, &[]).map(drop)),
        ("update-tenant", TenantChange::schema(), |body| TenantChange::parse(body, &[]).map(drop)),
        ("hold-tenant", HoldRequest::schema(), |body| HoldRequest::parse(body).map(drop)),
        ("purge-tenant", PurgeRequest::schema(), |body| PurgeRequest::parse(body, &acme_bank()).map(drop)),
        ("approve-purge", PurgeApproval::schema(), |body| PurgeApproval::parse(body, &acme_bank()).map(drop)),
        ("invite-admin", InvitationRequest::schema(), |body| InvitationRequest::parse(body).map(drop)),
        ("repair-tenant", RepairRequest::schema(), |body| RepairRequest::parse(body).map(drop)),
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
                "hold-tenant" => HoldRequest::parse(body).map(drop),
                "purge-tenant" => PurgeRequest::parse(body, &acme_bank()).map(drop),
                "approve-purge" => PurgeApproval::parse(body, &acme_bank()).map(drop),
                "invite-admin" => InvitationRequest::parse(body).map(drop),
                "repair-tenant" => RepairRequest::parse(body).map(drop),
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
