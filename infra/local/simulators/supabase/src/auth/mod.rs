//! Auth of one project, `/projects/{ref}/auth/v1/…`, as recorded from v2.196, behind the gateway's checks.

mod address;
mod admin;
mod error;
mod gateway;
mod invite;
mod redirect;
mod users;
mod verify;

use std::sync::Arc;

use axum::extract::{RawPathParams, Request, State};
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use crate::calls::Endpoint;
use crate::cloud::Cloud;
use crate::project::Project;

/// What Auth says about itself, here and in the health of the Management API.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Health {
    version: &'static str,
    name: &'static str,
    description: &'static str,
}

pub(crate) const HEALTH: Health = Health {
    version: "v2.196.0-2",
    name: "GoTrue",
    description: "GoTrue is a user registration and authentication API",
};

pub(crate) fn router(cloud: &Arc<Cloud>) -> Router {
    Routes { cloud, router: Router::new() }
        .add("/health", Endpoint::AuthHealth, MethodFilter::GET, health)
        .add("/settings", Endpoint::AuthSettings, MethodFilter::GET, settings)
        .add("/verify", Endpoint::Verify, MethodFilter::GET, verify::verify)
        .add("/invite", Endpoint::Invite, MethodFilter::POST, invite::invite)
        .add("/admin/generate_link", Endpoint::GenerateLink, MethodFilter::POST, invite::generate_link)
        .add("/admin/users", Endpoint::ListUsers, MethodFilter::GET, admin::list)
        .add("/admin/users/{user}", Endpoint::GetUser, MethodFilter::GET, admin::get)
        .add("/admin/users/{user}", Endpoint::UpdateUser, MethodFilter::PUT, admin::update)
        .add("/admin/users/{user}", Endpoint::DeleteUser, MethodFilter::DELETE, admin::delete)
        .router
}

struct Routes<'a> {
    cloud: &'a Arc<Cloud>,
    router: Router,
}

impl Routes<'_> {
    fn add<H, T>(self, path: &str, endpoint: Endpoint, method: MethodFilter, handler: H) -> Self
    where
        H: Handler<T, Arc<Cloud>>,
        T: 'static,
    {
        let gate = Gate { cloud: self.cloud.clone(), endpoint };
        let route: MethodRouter<Arc<Cloud>> = on(method, handler).route_layer(from_fn_with_state(gate, pass));
        let path = format!("/projects/{{ref}}/auth/v1{path}");
        Self { router: self.router.route(&path, route.with_state(self.cloud.clone())), ..self }
    }
}

#[derive(Clone)]
struct Gate {
    cloud: Arc<Cloud>,
    endpoint: Endpoint,
}

/// The gateway's checks, then Auth's own, then the endpoint in a task of its own: a client that hangs up stops nothing.
async fn pass(State(gate): State<Gate>, parameters: RawPathParams, mut request: Request, next: Next) -> Response {
    let reference = parameters.iter().find(|(name, _)| *name == "ref").map(|(_, reference)| reference);
    let Some(project) = reference.and_then(|reference| gate.cloud.find(reference)) else {
        return gateway::Refusal::NoSuchProject.into_response();
    };
    if let Err(refused) = gateway::check(&project, gate.endpoint, request.headers()) {
        return refused.into_response();
    }
    let dated = error::wants_dated_errors(request.headers());
    if let Err(refused) = gateway::authorize(&project, gate.endpoint, request.headers()) {
        return refused.answer(dated);
    }
    gate.cloud.calls.count(&project.reference, gate.endpoint);
    request.extensions_mut().insert(project);
    let response = tokio::spawn(next.run(request)).await;
    let mut response = response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    // A handler leaves its error here, since only the request's headers say which form the body takes.
    match response.extensions_mut().remove::<Arc<error::AuthError>>() {
        Some(error) => error.answer(dated),
        None => response,
    }
}

async fn health() -> Json<Health> {
    Json(HEALTH)
}

async fn settings(Extension(project): Extension<Arc<Project>>) -> Json<Value> {
    const OFF: [&str; 25] = [
        "anonymous_users",
        "apple",
        "azure",
        "bitbucket",
        "discord",
        "facebook",
        "snapchat",
        "figma",
        "fly",
        "github",
        "gitlab",
        "google",
        "keycloak",
        "kakao",
        "linkedin",
        "linkedin_oidc",
        "notion",
        "spotify",
        "slack",
        "slack_oidc",
        "workos",
        "twitch",
        "twitter",
        "phone",
        "zoom",
    ];
    let config = project.auth_config();
    let mut external: serde_json::Map<String, Value> =
        OFF.map(|name| (name.to_owned(), json!(false))).into_iter().collect();
    external.insert("email".to_owned(), json!(config.flag("external_email_enabled")));
    Json(json!({
        "external": external,
        "disable_signup": config.flag("disable_signup"),
        "mailer_autoconfirm": config.flag("mailer_autoconfirm"),
        "phone_autoconfirm": config.flag("sms_autoconfirm"),
        "sms_provider": config.text("sms_provider"),
        "saml_enabled": config.flag("saml_enabled"),
        "saml_private_key_next_configured": true,
        "passkeys_enabled": config.flag("passkey_enabled"),
    }))
}
