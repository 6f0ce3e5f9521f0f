//! From a Lambda invocation to a step and back.

use std::time::{Duration, SystemTime};

use domain::{Failure, FailureKind, Owner, Step, TenantId};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use secrets::{Name, Secrets};
use serde::{Deserialize, Serialize};
use store::{NotBegun, Store};
use tenant_lease::Held;
use tracing::Instrument;

use crate::{Outcome, Run, StepError};

/// Kept free before the function's own time-out, so that a step that is too slow can still say so and give back the lease.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much longer a lease lasts than the invocation that holds it can.
pub const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// The Wait state behind a step that waits.
pub const POLL: Duration = Duration::from_secs(15);
/// The state machine's retry of `Step.RateLimited`.
pub const RATE_LIMITED_RETRY: Duration = Duration::from_secs(30);
/// The state machine's retry of `Step.Busy`.
pub const BUSY_RETRY: Duration = Duration::from_secs(5);

/// What every step is built from.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The AWS configuration, for credentials.
    pub sdk: secrets::SdkConfig,
    /// The installation's secrets.
    pub secrets: Secrets,
}

/// What one step does.
pub trait Work {
    /// Which step it is.
    const STEP: Step;

    /// Brings the step's effect about, or finds it there.
    fn run(&self, run: &Run<'_>) -> impl Future<Output = Result<Outcome, StepError>>;
}

/// A task's input: this and nothing else, since execution history keeps it.
#[derive(Debug, Deserialize)]
struct Task {
    tenant_id: TenantId,
    attempt: i32,
}

/// A task's output.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    step: Step,
    /// False: ask again later.
    ready: bool,
    waiting_for: Option<String>,
}

/// Serves a step until the process ends.
pub async fn serve<W: Work>(build: impl FnOnce(&Platform) -> Result<W, Failure>) -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let sdk = sdk_config::load().await;
    let platform = Platform { secrets: Secrets::new(&sdk), sdk };
    // A configuration that cannot work is each invocation's cause, not a process that ends without a word.
    let work = build(&platform);
    let store = Store::new(platform.secrets.source(Name::Control("database")));
    store.warm_up().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Task>| {
        let LambdaEvent { payload: task, context } = event;
        let span = telemetry::request_span(&W::STEP.function(), &context.request_id);
        span.record("tenant_id", tracing::field::display(task.tenant_id)).record("attempt", task.attempt);
        let outcome = invoke(work.as_ref(), &store, &platform.secrets, &task, &context).instrument(span.clone()).await;
        span.in_scope(|| match &outcome {
            Ok(report) => tracing::info!(ready = report.ready, waiting_for = report.waiting_for, "step done"),
            Err(error) => tracing::warn!(error = StepError::name(error.0.kind), cause = error.cause().code, owner = ?error.cause().owner,
                provider_request_id = error.cause().provider_request_id, hint = error.cause().hint, "step not done"),
        });
        outcome
    }))
    .await
}

async fn invoke<W: Work>(
    work: Result<&W, &Failure>,
    store: &Store,
    secrets: &Secrets,
    task: &Task,
    context: &Context,
) -> Result<Report, StepError> {
    let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let lease = remaining + LEASE_MARGIN;
    let begun = match store.begin_step(task.tenant_id, task.attempt, W::STEP, &context.request_id, lease).await {
        Ok(begun) => begun,
        Err(NotBegun::Completed) => return Ok(Report { step: W::STEP, ready: true, waiting_for: None }),
        Err(NotBegun::Superseded) => return Err(StepError::superseded()),
        Err(NotBegun::Busy) => {
            return Err(StepError::new(
                FailureKind::Busy,
                "lease_held",
                Owner::Platform,
                "Another invocation is at work on this tenant, or died at it; its lease lapses by itself.",
            ));
        }
        Err(NotBegun::Store(error)) => return Err(error.into()),
    };
    tracing::Span::current().record("correlation_id", &begun.tenant.correlation_id);
    let time = remaining.saturating_sub(FAREWELL);
    let held = Held::new(store, begun.lease, begun.tenant, W::STEP, SystemTime::now() + time);
    let run = Run { step: W::STEP, held, begun_for: begun.begun_for, secrets };
    // Boxed: what a step awaits is nested too deep for the runtime around it.
    let work = Box::pin(async { work.map_err(Failure::clone)?.run(&run).await });
    let outcome = match tokio::time::timeout(time, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StepError::new(
            FailureKind::Transient,
            "step_timeout",
            Owner::Platform,
            "The step did not come to its end within its function's time-out; it is tried again.",
        )),
    };
    let finished = match outcome {
        Ok(outcome) => run.finish(&outcome, POLL).await.map(|()| outcome),
        Err(error) => Err(error),
    };
    match finished {
        Ok(Outcome::Waiting { waiting_for }) => {
            Ok(Report { step: W::STEP, ready: false, waiting_for: Some(waiting_for.into_owned()) })
        }
        Ok(_) => Ok(Report { step: W::STEP, ready: true, waiting_for: None }),
        Err(error) => {
            trouble(&run, &error).await;
            Err(error)
        }
    }
}

/// Leaves the cause behind for whoever asks, and gives the lease back. If that fails the lease lapses by itself, and
/// the cause reaches the row through `record-failure`.
async fn trouble(run: &Run<'_>, error: &StepError) {
    let retry_in = match error.0.kind {
        FailureKind::RateLimited { .. } => Some(RATE_LIMITED_RETRY),
        FailureKind::Busy => Some(BUSY_RETRY),
        // Full jitter: when exactly is for the state machine to know.
        FailureKind::Transient | FailureKind::Rejected | FailureKind::Internal | FailureKind::Superseded => None,
    };
    if run.store().step_troubled(run.lease(), run.step, error.cause(), retry_in).await.is_err() {
        tracing::warn!("the cause could not be written down");
    }
}
