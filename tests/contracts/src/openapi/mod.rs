//! Builds the OpenAPI document from the code. Routes, credentials and problem codes come from the route table. Schemas
//! of answers come from the types that are serialised. Schemas of requests come from the table that the parser uses.
//! The modules below add texts, examples, and the source of each part of the contract.

mod answers;
mod headers;
mod json;
mod operations;
mod requests;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use domain::ProblemCode;
use domain::routes::{Body, Credential, ROUTES, Route};
use serde_json::{Map, Value, json};

use self::headers::{header, headers};
use self::json::{merge, reference};

/// The document's path from the root.
pub const PATH: &str = "functions/api/openapi.json";

/// The document as text, as it is written to [`PATH`].
pub fn render() -> Result<String> {
    Ok(serde_json::to_string_pretty(&document()?)? + "\n")
}

/// The document.
pub fn document() -> Result<Value> {
    let mut schemas = answers::schemas();
    schemas.extend(requests::schemas());
    sources::mark(&mut schemas)?;
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route)?;
    }
    let mut used = BTreeSet::new();
    references(&json!([paths, schemas]), &mut used);
    let named = schemas.keys().map(|name| reference(name)["$ref"].to_string()).collect();
    ensure!(used == named, "one of these is not used, or not defined: {:?}", used.symmetric_difference(&named));
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ivory control plane",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Tenants from one POST to live, and their lakehouse catalogs",
            "description": operations::INTRODUCTION,
            "contact": { "name": "The operator of the installation" },
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{
            "url": "https://{host}",
            "description": "The custom domain, or the stage's own host",
            "variables": { "host": { "default": "api.example.com" } },
        }],
        "tags": operations::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey", "in": "header", "name": "X-API-Key",
                    "description": "Key of a consumer; what it may do is decided by the consumer's groups.",
                },
                "Bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A token with the role `admin`, or a tenant's own token where an operation says so: one with the role `tenant`, whose \
                        subject is the tenant's id. A token may be valid for a day at most, unless the installation says otherwise.",
                },
            },
        },
    }))
}

/// Every schema that this refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    if let Some(reference) = value.get("$ref") {
        found.insert(reference.to_string());
    }
    let (items, members) = (value.as_array(), value.as_object());
    items
        .into_iter()
        .flatten()
        .chain(members.into_iter().flat_map(Map::values))
        .for_each(|part| references(part, found));
}

fn operation(route: &Route) -> Result<Value> {
    let texts = operations::of(route.name)?;
    let mut operation = json!({
        "operationId": route.name,
        "tags": [texts.tag],
        "summary": texts.summary,
        "description": format!("{}\n\n{}", texts.description, who(route)),
        "x-source": texts.source,
        "security": match route.credential {
            Credential::ApiKey => json!([{ "ApiKey": [] }]),
            Credential::Bearer => json!([{ "Bearer": [] }]),
            Credential::None => json!([]),
        },
        "parameters": parameters(route)?,
        "responses": responses(route)?,
    });
    if !route.groups.is_empty() {
        operation["x-groups"] = json!(route.groups);
    }
    if route.body.is_taken() {
        let schema = requests::of(route.name)?;
        let examples: Map<String, Value> = requests::examples(route.name)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!({ "value": value })))
            .collect();
        ensure!(!examples.is_empty(), "{} has no example of a body", route.name);
        operation["requestBody"] = json!({
            "required": route.body == Body::Required,
            "content": { "application/json": { "schema": reference(schema), "examples": examples } },
        });
    }
    Ok(operation)
}

/// Who may call a route, for readers.
fn who(route: &Route) -> String {
    let groups: Vec<_> = route.groups.iter().map(|group| format!("`{group}`")).collect();
    let groups = groups.join(" or ");
    match route.credential {
        Credential::ApiKey => format!("Who: a consumer's API key with the group {groups}."),
        Credential::Bearer if route.tenants_own => {
            format!("Who: a bearer token with the role {groups}, or the tenant's own token for what is its own.")
        }
        Credential::Bearer => format!("Who: a bearer token with the role {groups}."),
        Credential::None => "Who: anyone, without a credential.".to_owned(),
    }
}

/// One pattern, since generators stop at alternatives in a path.
const ID_OR_SLUG: &str =
    "^([a-z0-9][a-z0-9-]{1,46}[a-z0-9]|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$";

fn parameters(route: &Route) -> Result<Vec<Value>> {
    let mut parameters = Vec::new();
    if route.path.contains("{tenant}") {
        let (description, schema) = if route.by_id {
            ("The tenant's id, or its slug.", json!({ "type": "string", "pattern": ID_OR_SLUG }))
        } else {
            ("The tenant's slug.", reference("Slug"))
        };
        parameters.push(json!({
            "name": "tenant", "in": "path", "required": true, "x-source": "seed", "description": description, "schema": schema,
            "example": "acme-bank",
        }));
    }
    for name in route.query {
        parameters.push(requests::query(name)?);
    }
    if route.idempotent_by_key() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false, "x-source": "ours",
            "description": "The same key with the same request gives the first answer again, for 24 hours. Answers 401, 403, 409, 429 and 5xx are not kept.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" }, "example": "6f1d3c1e-order-4711",
        }));
    }
    if route.conditional {
        let reads = route.method == "GET";
        let unless_known = if reads {
            "The `ETag`s of versions that the caller has; the answer to one of them is 304 without a body."
        } else {
            "`*`: only if there is none yet; or the `ETag`s of versions that the change is not meant for. Else 412."
        };
        for (name, description) in [
            (
                "If-Match",
                "The `ETag` of the version that the request is meant for, a list of them, or `*`; another current version is 412.",
            ),
            ("If-None-Match", unless_known),
        ] {
            parameters.push(json!({
                "name": name, "in": "header", "required": false, "x-source": "ours",
                "description": description, "schema": { "type": "string" }, "example": "\"3\"",
            }));
        }
    }
    parameters.push(json!({
        "name": "x-correlation-id", "in": "header", "required": false, "x-source": "ours",
        "description": "Follows the request, and what it starts, through every log line. One that is not up to 128 of `[A-Za-z0-9._-]` is replaced.",
        "schema": { "type": "string" }, "example": "checkout-4711",
    }));
    Ok(parameters)
}

fn responses(route: &Route) -> Result<Value> {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in route.problems() {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        responses.insert(status.to_string(), problem(route, status, &codes));
    }
    for (status, answer) in answers::of(route)? {
        let entry = responses.entry(status.to_string()).or_insert_with(|| json!({ "headers": headers(&[]) }));
        merge(entry, answer);
    }
    if let Some(answer) = responses.get_mut(&route.status.to_string()) {
        let links = links(route);
        if !links.is_empty() {
            answer["links"] = links.into();
        }
    }
    serde_json::to_value(responses).context("responses")
}

/// The links of an answer that names a tenant: one for every route of a tenant.
fn links(route: &Route) -> Map<String, Value> {
    let (slug, id) = match route.name {
        "provision-tenant" | "get-tenant" => ("$response.body#/slug", "$response.body#/tenant_id"),
        "upsert-catalog" => ("$response.body#/tenant_slug", "$response.body#/tenant_id"),
        _ => return Map::new(),
    };
    let of_a_tenant = ROUTES.iter().filter(|to| to.path.contains("{tenant}") && to.name != route.name);
    of_a_tenant
        .map(|to| {
            let tenant = if to.credential == Credential::Bearer { id } else { slug };
            (to.name.to_owned(), json!({ "operationId": to.name, "parameters": { "tenant": tenant } }))
        })
        .collect()
}

/// The problems of one status. All of them are of one type, so that a generated client has one for them; which codes they may
/// have is beside the schema.
fn problem(route: &Route, status: u16, codes: &[ProblemCode]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| {
            let mut value = json!({
                "type": format!("urn:ivory-control-plane:problem:{}", code.as_str()),
                "title": code.title(), "status": status, "code": code.as_str(),
                "detail": "What it was this time.", "request_id": "2f3c9b1e-0a4d-4f6a-9a57-0c8d9c1f2b3a",
            });
            if matches!(code, ProblemCode::ValidationFailed | ProblemCode::RegionNotConfigured) {
                value["errors"] = json!([{ "field": "region", "message": "is required" }]);
            }
            (code.as_str().to_owned(), json!({ "value": value }))
        })
        .collect();
    let mut carried = headers(&[]);
    if status == 401 {
        // API Gateway renames this header in answers of a function. It keeps the name in its own answers.
        carried["WWW-Authenticate"] = header("WWW-Authenticate", false);
    }
    if matches!(status, 409 | 429 | 503) {
        // Of the 409s, only those that end after a while have this header. Where one type has it and must have it, a
        // generator that makes one type of all (ogen) writes code that does not compile.
        carried["Retry-After"] = header("Retry-After", false);
    }
    let meanings: Vec<_> = codes.iter().map(|code| format!("- `{}`: {}", code.as_str(), code.meaning())).collect();
    json!({
        "description": meanings.join("\n"),
        "x-source": if route.name == "provision-tenant" && matches!(status, 409 | 422) { "seed" } else { "ours" },
        "headers": carried,
        "content": { "application/problem+json": {
            "schema": reference("Problem"),
            "x-codes": names,
            "examples": examples,
        } },
    })
}
