//! The gateway over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::call::Call;
use crate::catalog::Catalog;
use crate::error::{Problem, Result};
use crate::routes::{self, Content};
use crate::{Config, gate};

/// No request of ours comes near it.
const MAX_BODY: usize = 1024 * 1024;

pub(crate) fn router(config: Config) -> Router {
    // One handler for every path: the token comes before the route, as at a gateway.
    Router::new().fallback(handle).with_state(Arc::new(Catalog::new(config)))
}

async fn handle(State(catalog): State<Arc<Catalog>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (status, body) = match answer(&catalog, request).await {
        Ok(Some(content)) => (StatusCode::OK, Some(content)),
        Ok(None) => (StatusCode::NO_CONTENT, None),
        Err(problem) => (problem.status, Some(problem.body())),
    };
    tracing::info!(%method, path, status = status.as_u16());
    let Some(body) = body else { return status.into_response() };
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body.to_string())).into_response()
}

async fn answer(catalog: &Catalog, request: Request) -> Result<Content> {
    let (head, body) = request.into_parts();
    gate::authenticate(&head.headers, &catalog.token)?;
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| Problem::too_large())?;
    let call = Call::new(head.method, head.uri.path(), head.uri.query(), &head.headers, body)?;
    routes::answer(catalog, &call)
}
