//! `Idempotency-Key`: the first answer to a request is stored for a day, and a repeated request gets the same answer.
//!
//! A record says that a request is running until it is answered, or until its Lambda's deadline. If the process died in
//! between, it is unknown whether the request had its effect. The repeated request settles that, because every route's
//! effect has a natural key. Records are read only for callers who may call the route.

mod key;
mod records;

use std::time::Duration;

use lambda_kit::Budget;

use crate::{Answer, Problem, Request};
use key::Identity;
use records::Found;
pub(crate) use records::Records;

/// The time limits for reading a record and for writing one. A table that takes longer cannot be used.
const BEGIN_TIMEOUT: Duration = Duration::from_millis(1500);
const END_TIMEOUT: Duration = Duration::from_millis(800);

/// Handles a request. If its key was used before, the stored answer is given again.
pub(crate) async fn once(
    records: &Records,
    route: &str,
    request: &Request,
    budget: Budget,
    handle: impl AsyncFnOnce(Budget) -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let Some(identity) = Identity::of(request, route)? else { return handle(budget).await };
    let owner = &request.request_id;
    let begun = records.begin(&identity.record, &identity.request, owner, request.deadline);
    match budget.at_most(BEGIN_TIMEOUT).spend(begun).await {
        Some(Ok(Found::Nothing)) => {}
        Some(Ok(Found::Answer(answer))) => return Ok(answer.with_header("idempotency-replayed", "true".to_owned())),
        Some(Ok(Found::Running)) => return Err(Problem::request_in_progress()),
        Some(Ok(Found::OtherRequest)) => return Err(Problem::idempotency_key_reused()),
        Some(Err(failure)) => {
            lambda_kit::trouble!(failure, "the idempotency records cannot be used");
            return Err(Problem::unavailable());
        }
        None => {
            tracing::warn!("the idempotency records did not answer in time");
            return Err(Problem::unavailable());
        }
    }
    // The handler's time ends before the request's, so that there is always time to end its record.
    let part = budget.keeping(END_TIMEOUT);
    let outcome = part.spend(handle(part)).await.unwrap_or_else(|| Err(Problem::unavailable()));
    let answer = match &outcome {
        Ok(answer) => Some(answer.clone()),
        // Another try may end differently, so the answer is not stored.
        Err(problem) if matches!(problem.status().as_u16(), 401 | 403 | 409 | 429 | 500..) => None,
        Err(problem) => Some(problem.clone().into_answer(owner)),
    };
    let ended = tokio::time::timeout(END_TIMEOUT, async {
        match answer {
            Some(answer) => records.answered(&identity.record, owner, &answer).await,
            None => records.forget(&identity.record, owner).await,
        }
    });
    // The caller gets the answer in any case. The record stays "running" until its deadline.
    if !matches!(ended.await, Ok(Ok(()))) {
        tracing::warn!("an answer could not be kept for its idempotency key");
    }
    outcome
}
