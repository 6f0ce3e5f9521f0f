//! Routes behind the gate of their API.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::calls::Endpoint;
use crate::cloud::Cloud;

/// What a gate knows about the route behind it.
#[derive(Clone)]
pub(crate) struct Route {
    pub cloud: Arc<Cloud>,
    pub endpoint: Endpoint,
}

/// Answers the request itself, or passes it on to the route.
pub(crate) type Gate = fn(Route, RawPathParams, Request, Next) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// The routes of one API.
pub(crate) struct Routes {
    pub cloud: Arc<Cloud>,
    pub gate: Gate,
    /// Start of every path.
    pub prefix: &'static str,
    pub router: Router,
}

impl Routes {
    pub(crate) fn add<H, T>(self, method: MethodFilter, path: &str, endpoint: Endpoint, handler: H) -> Self
    where
        H: Handler<T, Arc<Cloud>>,
        T: 'static,
    {
        let (cloud, gate) = (self.cloud.clone(), self.gate);
        let route = Route { cloud: cloud.clone(), endpoint };
        let pass = move |State(route), parameters, request, next| gate(route, parameters, request, next);
        let guarded: MethodRouter<Arc<Cloud>> = on(method, handler).route_layer(from_fn_with_state(route, pass));
        let router = self.router.route(&format!("{}{path}", self.prefix), guarded.with_state(cloud));
        Self { router, ..self }
    }
}
