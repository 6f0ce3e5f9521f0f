//! The control API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::api::{CallLog, Held, Made, Refusal, Rule, RuleId, RuleStatus, SetState, UpstreamStatus};
use crate::connection::Shared;
use crate::rules::RuleError;

type Control = State<Arc<Shared>>;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("there is nothing of that name")]
    NotFound,
    #[error(transparent)]
    Body(#[from] JsonRejection),
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Body(rejection) => rejection.status(),
            Self::Rule(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        (status, Json(Refusal { error: self.to_string() })).into_response()
    }
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/rules", post(add_rule).get(list_rules).delete(delete_rules))
        .route("/rules/{id}", delete(delete_rule))
        .route("/log", get(list_calls).delete(clear_log))
        .route("/held", get(list_held))
        .route("/held/{id}/release", post(release))
        .route("/upstreams", get(list_upstreams))
        .route("/upstreams/{name}", post(set_state))
        .with_state(shared)
}

async fn add_rule(
    State(shared): Control,
    rule: Result<Json<Rule>, JsonRejection>,
) -> Result<(StatusCode, Json<Made>), ControlError> {
    let Json(rule) = rule?;
    let upstream = shared.upstreams.get(&rule.upstream).ok_or(RuleError::UnknownUpstream)?;
    let next_connection = shared.next_connection.load(Ordering::Relaxed);
    let id = shared.rules.add(upstream.kind, rule, next_connection)?;
    Ok((StatusCode::CREATED, Json(Made { id })))
}

async fn list_rules(State(shared): Control) -> Json<Vec<RuleStatus>> {
    Json(shared.rules.list())
}

async fn delete_rules(State(shared): Control) -> StatusCode {
    for rule in shared.rules.remove(None) {
        shared.board.release_rule(rule);
    }
    StatusCode::NO_CONTENT
}

async fn delete_rule(State(shared): Control, Path(id): Path<u64>) -> Result<StatusCode, ControlError> {
    let gone = shared.rules.remove(Some(RuleId(id)));
    let rule = gone.first().ok_or(ControlError::NotFound)?;
    shared.board.release_rule(*rule);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    upstream: Option<String>,
}

async fn list_calls(State(shared): Control, Query(query): Query<LogQuery>) -> Json<CallLog> {
    Json(shared.log.list(query.upstream.as_deref()))
}

async fn clear_log(State(shared): Control) -> StatusCode {
    shared.log.clear();
    StatusCode::NO_CONTENT
}

async fn list_held(State(shared): Control) -> Json<Vec<Held>> {
    Json(shared.board.list())
}

async fn release(State(shared): Control, Path(id): Path<u64>) -> Result<StatusCode, ControlError> {
    if shared.board.release(id) { Ok(StatusCode::NO_CONTENT) } else { Err(ControlError::NotFound) }
}

async fn list_upstreams(State(shared): Control) -> Json<BTreeMap<String, UpstreamStatus>> {
    Json(shared.upstreams.iter().map(|(name, upstream)| (name.clone(), upstream.status())).collect())
}

async fn set_state(
    State(shared): Control,
    Path(name): Path<String>,
    state: Result<Json<SetState>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(SetState { state }) = state?;
    shared.upstreams.get(&name).ok_or(ControlError::NotFound)?.set_state(state);
    Ok(StatusCode::NO_CONTENT)
}
