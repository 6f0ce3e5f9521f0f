//! The server's side: requests as the gateway sends them, read with what the routes read them with.

use api_kit::{Caller, Input, Json, Moment, OptionalJson, Page, Preconditions, Problem, Query, Request, SlugInPath};
use domain::routes::{Body, Route};
use domain::{
    AuditWord, CatalogRequest, CustomerPolicy, DataPolicy, HoldRequest, InvitationRequest, ProvisionRequest,
    ProvisioningState, PurgeApproval, PurgeRequest, Region, RepairRequest, SearchText, Slug, SyncTargetRequest,
    TenantChange, TenantId, Tier,
};
use lambda_http::RequestExt as _;
use lambda_http::http::{HeaderValue, Request as HttpRequest};
use serde_json::Value;
use std::collections::HashMap;

/// Why a request was refused: fields with their messages, or a code.
#[derive(Debug)]
pub struct Refusal(pub Vec<(String, String)>);

impl Refusal {
    /// The problem of a body or a parameter.
    fn of(what: &str, problem: &Problem) -> Self {
        let code = || vec![(what.to_owned(), problem.code().as_str().to_owned())];
        let errors: Vec<_> =
            problem.errors().iter().map(|error| (error.field.clone(), error.message.clone())).collect();
        Self(if errors.is_empty() { code() } else { errors })
    }
}

/// What a parameter is when it arrives. `None`: it cannot be sent.
pub fn sent(place: &str, text: &str) -> Option<String> {
    match place {
        // White space around a header's value is no part of it.
        "header" => Some(text.trim_matches([' ', '\t']).to_owned()).filter(|text| HeaderValue::from_str(text).is_ok()),
        // Without it, it is another path.
        "path" => Some(text.to_owned()).filter(|text| !text.is_empty()),
        _ => Some(text.to_owned()),
    }
}

fn read<I: Input>(event: lambda_http::Request) -> Result<I, Problem> {
    I::read(&request(event))
}

fn request(event: lambda_http::Request) -> Request {
    Request::new(event, Caller::anyone(), "request".to_owned(), "correlation".to_owned())
}

fn event(body: lambda_http::Body) -> lambda_http::Request {
    HttpRequest::builder().header("content-type", "application/json").body(body).expect("a request")
}

/// Reads a body as the route does.
pub fn body(route: &Route, body: &Value) -> Result<(), Refusal> {
    read_body(route, body).map_err(|problem| Refusal::of("(body)", &problem))
}

fn read_body(route: &Route, body: &Value) -> Result<(), Problem> {
    let event = event(lambda_http::Body::Binary(serde_json::to_vec(body).expect("JSON")));
    let body = match route.body {
        Body::Required => read::<Json>(event)?.0,
        Body::Optional => read::<OptionalJson>(event)?.0,
        Body::None => panic!("{} takes no body", route.name),
    };
    match route.name {
        "provision-tenant" => ProvisionRequest::parse(&body, &[]).map(drop)?,
        "update-tenant" => TenantChange::parse(&body, &[]).map(drop)?,
        "hold-tenant" => HoldRequest::parse(&body).map(drop)?,
        // Whoever confirms is at the path of the tenant that they confirm.
        "purge-tenant" => PurgeRequest::parse(&body, &confirmed(&body)).map(drop)?,
        "approve-purge" => PurgeApproval::parse(&body, &confirmed(&body)).map(drop)?,
        "invite-admin" => InvitationRequest::parse(&body).map(drop)?,
        "repair-tenant" => RepairRequest::parse(&body).map(drop)?,
        "upsert-catalog" => CatalogRequest::parse(&body).map(drop)?,
        "register-sync-target" => SyncTargetRequest::parse(&body).map(drop)?,
        name => panic!("{name} is not known here"),
    }
    Ok(())
}

fn confirmed(body: &serde_json::Map<String, Value>) -> Slug {
    let confirmed = body.get("confirm").and_then(Value::as_str).and_then(|text| text.parse().ok());
    confirmed.unwrap_or_else(|| "acme-bank".parse().expect("a slug"))
}

/// Reads one parameter as the route does.
pub fn parameter(route: &Route, place: &str, name: &str, value: &str) -> Result<(), Refusal> {
    read_parameter(route, place, name, value).map_err(|problem| Refusal::of(name, &problem))
}

fn read_parameter(route: &Route, place: &str, name: &str, value: &str) -> Result<(), Problem> {
    let mut event = event(lambda_http::Body::Empty);
    match place {
        "path" => {
            let event = event.with_path_parameters(HashMap::from([(name.to_owned(), vec![value.to_owned()])]));
            if !route.by_id {
                drop(read::<SlugInPath>(event)?);
            } else if value.parse::<TenantId>().is_err() && value.parse::<Slug>().is_err() {
                // `Request::find_tenant`, without the store.
                Err(Problem::tenant_not_found())?;
            }
        }
        "query" => {
            let event = event.with_query_string_parameters(HashMap::from([(name.to_owned(), vec![value.to_owned()])]));
            let query = read::<Query>(event)?;
            let mut fields = query.fields(route.query);
            match name {
                "limit" | "cursor" => drop(Page::read(&mut fields)),
                "provisioning_state" => drop(fields.optional::<ProvisioningState>(name)),
                "customer" => drop(fields.optional::<CustomerPolicy>(name)),
                "data" => drop(fields.optional::<DataPolicy>(name)),
                "tier" => drop(fields.optional::<Tier>(name)),
                "region" => drop(fields.optional::<Region>(name)),
                "q" => drop(fields.optional::<SearchText>(name)),
                "actor" | "action" | "request_id" => drop(fields.optional::<AuditWord>(name)),
                "since" | "until" => drop(fields.optional::<Moment>(name)),
                "tenant_id" => drop(fields.optional::<TenantId>(name)),
                name => panic!("{name} is not known here"),
            }
            fields.finish()?;
        }
        "header" => {
            let header = HeaderValue::from_str(value).expect("it can be sent");
            event.headers_mut().insert(
                match name {
                    "Idempotency-Key" => "idempotency-key",
                    "If-Match" => "if-match",
                    "If-None-Match" => "if-none-match",
                    "x-correlation-id" => "x-correlation-id",
                    name => panic!("{name} is not known here"),
                },
                header,
            );
            let request = request(event);
            request.idempotency_key()?;
            Preconditions::read(&request)?;
        }
        place => panic!("{place} is not known here"),
    }
    Ok(())
}
