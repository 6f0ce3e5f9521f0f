//! Auth of one project, `/projects/{ref}/auth/v1/…`, as recorded from v2.196, behind the gateway's checks.

mod address;
mod admin;
mod body;
mod error;
mod gate;
mod info;
mod invite;
mod recover;
mod redirect;
mod users;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodFilter;

use crate::calls::Endpoint;
use crate::cloud::Cloud;
use crate::routes::Routes;

pub(crate) fn router(cloud: &Arc<Cloud>) -> Router {
    Routes {
        cloud: Arc::clone(cloud),
        gate: |route, parameters, request, next| Box::pin(gate::pass(route, parameters, request, next)),
        prefix: "/projects/{ref}/auth/v1",
        router: Router::new(),
    }
    .add(MethodFilter::GET, "/health", Endpoint::AuthHealth, info::health)
    .add(MethodFilter::GET, "/settings", Endpoint::AuthSettings, info::settings)
    .add(MethodFilter::GET, "/verify", Endpoint::Verify, verify::follow)
    .add(MethodFilter::POST, "/verify", Endpoint::Verify, verify::exchange)
    .add(MethodFilter::OPTIONS, "/verify", Endpoint::Verify, verify::preflight)
    .add(MethodFilter::POST, "/recover", Endpoint::Recover, recover::recover)
    .add(MethodFilter::POST, "/invite", Endpoint::Invite, invite::invite)
    .add(MethodFilter::POST, "/admin/generate_link", Endpoint::GenerateLink, invite::generate_link)
    .add(MethodFilter::GET, "/admin/users", Endpoint::ListUsers, admin::list)
    .add(MethodFilter::GET, "/admin/users/{user}", Endpoint::GetUser, admin::get)
    .add(MethodFilter::PUT, "/admin/users/{user}", Endpoint::UpdateUser, admin::update)
    .add(MethodFilter::DELETE, "/admin/users/{user}", Endpoint::DeleteUser, admin::delete)
    .router
}
