//! `GET /v1/admin/me`: who calls with this API key, and what they may do. All of it is in what the gateway's authorizer found.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Problem, Request};
use lambda_kit::needs;
use serde::Serialize;
use utoipa::ToSchema;

needs! {
    /// Says who calls.
    pub struct GetCaller;
}

/// A consumer, as its API key shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyHolder<'a> {
    /// The consumer's name.
    name: &'a str,
    /// The groups it is in, also those that no route knows.
    groups: &'a [String],
    /// The operations that it may call.
    operations: Vec<&'static str>,
}

impl Handler for GetCaller {
    const ROUTE: Route = routes::GET_CALLER;
    type Input = ();

    async fn handle(&self, request: &Request, (): (), _: Budget) -> Result<Answer, Problem> {
        let caller = &request.caller;
        let (name, groups, operations) = (caller.name(), caller.groups(), caller.operations());
        Ok(Answer::ok(&KeyHolder { name, groups, operations }))
    }
}
