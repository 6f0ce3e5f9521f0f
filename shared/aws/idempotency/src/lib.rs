//! `Idempotency-Key`: the first answer to a request is kept for a day and given again to whoever repeats the request.
//!
//! A record says that a request is running until it is answered, or until its Lambda's deadline: a process that died in
//! between left its effect or did not, and the repetition settles which, since every route's effect has a natural key of
//! its own. [`Idempotent`] wraps a route's handler and is reached only by callers who may call the route.

mod key;
mod records;

use std::time::Duration;

use api_kit::{Answer, Handler, Platform, Problem, Request, routes::Route};
use domain::Failure;

use key::Identity;
pub use records::{Begun, Records};

/// Asking for a record, and writing one. What takes longer is a table that cannot be used.
const BEGIN_TIMEOUT: Duration = Duration::from_millis(1500);
const END_TIMEOUT: Duration = Duration::from_millis(800);

/// A handler whose requests may carry an `Idempotency-Key`.
pub struct Idempotent<H> {
    handler: H,
    records: Records,
}

impl<H: Handler> Idempotent<H> {
    /// Wraps a handler; the records are in the table `IDEMPOTENCY_TABLE`.
    pub fn new(handler: H, platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { handler, records: Records::from_env(&platform.sdk)? })
    }

    async fn once(&self, request: &Request, identity: &Identity) -> Result<Answer, Problem> {
        let owner = &request.request_id;
        let begun = self.records.begin(&identity.record, &identity.request, owner, request.deadline);
        match tokio::time::timeout(BEGIN_TIMEOUT, begun).await {
            Ok(Ok(Begun::New)) => {}
            Ok(Ok(Begun::Answered(answer))) => {
                return Ok(answer.with_header("idempotency-replayed", "true".to_owned()));
            }
            Ok(Ok(Begun::Running)) => return Err(Problem::request_in_progress()),
            Ok(Ok(Begun::Other)) => return Err(Problem::idempotency_key_reused()),
            Ok(Err(failure)) => {
                tracing::error!(code = failure.cause.code, "the idempotency records cannot be used");
                return Err(Problem::unavailable());
            }
            Err(_) => {
                tracing::error!("the idempotency records did not answer in time");
                return Err(Problem::unavailable());
            }
        }
        // What the handler is given ends before the request's time does, so that its record can be ended in any case.
        let mut request = request.clone();
        request.answer_by = request.within(H::ANSWERED_WITHIN, END_TIMEOUT);
        let outcome = tokio::time::timeout_at(request.answer_by.into(), self.handler.handle(&request)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(Problem::unavailable()));
        let answer = match &outcome {
            Ok(answer) => Some(answer.clone()),
            // Another try may end otherwise: whoever repeats such a request gets it.
            Err(problem) if matches!(problem.status().as_u16(), 401 | 403 | 409 | 429 | 500..) => None,
            Err(problem) => Some(problem.clone().into_answer(owner)),
        };
        let ended = tokio::time::timeout(END_TIMEOUT, async {
            match answer {
                Some(answer) => self.records.answered(&identity.record, owner, &answer).await,
                None => self.records.forget(&identity.record, owner).await,
            }
        });
        // The effect is there or is not, and the caller is told so; the record stays "running" until its deadline.
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::warn!("an answer could not be kept for its idempotency key");
        }
        outcome
    }
}

impl<H: Handler> Handler for Idempotent<H> {
    const ROUTE: Route = H::ROUTE;
    const ANSWERED_WITHIN: Duration = H::ANSWERED_WITHIN;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        match Identity::of(request, H::ROUTE.name)? {
            Some(identity) => self.once(request, &identity).await,
            None => self.handler.handle(request).await,
        }
    }
}
