//! From a Lambda invocation to a step and back.

use std::time::{Duration, Instant, SystemTime};

use domain::{CauseCode, Failure, FailureKind, Run};
use lambda_kit::{Declaration, Need, Platform, telemetry};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::Serialize;
use store::{ControlDatabase, Lease, NotBegun, Outcome, StepTask, Store};
use tracing::{Instrument, Span};

use crate::ending::Ending;
use crate::error::StepError;
use crate::task::Task;

/// The time kept free before the function's own time-out, so that a step that is too slow can still record its cause
/// and give the lease back.
const FAREWELL: Duration = Duration::from_secs(2);
/// The state machine's pause after `Step.RateLimited`.
pub const RATE_LIMITED_RETRY: Duration = Duration::from_secs(30);
/// The state machine's pause after `Step.Busy`.
pub const BUSY_RETRY: Duration = Duration::from_secs(5);

/// What one step does. Its fields are what it may reach.
pub trait Work: Need {
    /// Whose step it is: the pipeline's or a purge's.
    type Step: Task;
    /// The step.
    const STEP: Self::Step;
    /// The pause of the Wait state after the step, if the step can wait.
    const POLL: Duration = Duration::ZERO;

    /// Makes the step's effect, or finds that it exists.
    fn run(&self, lease: &<Self::Step as Task>::Lease<'_>) -> impl Future<Output = Result<Outcome, Failure>>;
}

/// Everything that a step's function reaches: the step's needs, and the control database.
pub struct Declared;

impl Declared {
    /// The declaration of one step.
    #[must_use]
    pub fn by<W: Work>() -> Declaration {
        Declaration::of::<(ControlDatabase, (W, Ending))>()
    }
}

/// A task's output.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report<S> {
    step: S,
    /// False: invoke the step again later.
    ready: bool,
    waiting_for: Option<String>,
}

/// Serves a step until the process ends.
pub async fn serve<W: Work>() -> Result<(), lambda_runtime::Error> {
    let platform = Platform::start(W::STEP.function());
    // If settings cannot be used, each invocation fails with that cause, so that the status routes show it.
    let work: Result<W, Failure> = platform.open();
    let store: ControlDatabase = platform.open()?;
    let ending: Ending = platform.open()?;
    platform.warmed_up().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Run>| {
        let LambdaEvent { payload: run, context } = event;
        let began = Instant::now();
        let span = telemetry::request_span(W::STEP.function(), &context.request_id);
        telemetry::name_run(&span, &run);
        let outcome = invoke(work.as_ref(), &store, &run, &context).instrument(span.clone()).await;
        span.in_scope(|| match &outcome {
            Ok(report) => ending.done(began, report.waiting_for.as_deref()),
            Err(failure) => ending.not_done(began, failure),
        });
        outcome.map_err(StepError)
    }))
    .await
}

async fn invoke<W: Work>(
    work: Result<&W, &Failure>,
    store: &Store,
    run: &Run,
    context: &Context,
) -> Result<Report<W::Step>, Failure> {
    let done = Report { step: W::STEP, ready: true, waiting_for: None };
    let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let time = remaining.saturating_sub(FAREWELL);
    let task = StepTask { tenant_id: run.tenant_id, attempt: run.attempt, step: W::STEP };
    // Boxed, as the step's future below is: both are nested too deep for the runtime around them.
    let own = match Box::pin(W::Step::begin(store, task, &context.request_id, time, remaining)).await {
        Ok(own) => own,
        Err(NotBegun::Completed) => return Ok(done),
        Err(NotBegun::Superseded) => return Err(CauseCode::Superseded.into()),
        Err(NotBegun::Busy) => return Err(CauseCode::LeaseHeld.into()),
        Err(NotBegun::Held) => return Err(CauseCode::PurgeHeld.into()),
        Err(NotBegun::Store(error)) => return Err(error.into()),
    };
    let lease = W::Step::lease(&own);
    // An execution that an older release started does not say these.
    if run.correlation_id.is_none() {
        let tenant = lease.tenant();
        Span::current().record("slug", tenant.slug.as_str()).record("correlation_id", &tenant.correlation_id);
    }
    let work = Box::pin(async { work.map_err(Failure::clone)?.run(&own).await });
    let outcome = tokio::time::timeout(time, work).await.unwrap_or_else(|_| Err(CauseCode::StepTimeout.into()));
    let finished = match outcome {
        Ok(outcome) => lease.finish(&outcome, W::POLL).await.map(|()| outcome),
        Err(failure) => Err(failure),
    }
    .map_err(|failure| lease.tenant().named_in(failure));
    match finished {
        Ok(Outcome::Waiting { waiting_for }) => {
            Ok(Report { ready: false, waiting_for: Some(waiting_for.into_owned()), ..done })
        }
        Ok(Outcome::Completed(_) | Outcome::Written) => Ok(done),
        Err(failure) => {
            record(lease, &failure).await;
            Err(failure)
        }
    }
}

/// Records the cause for the status routes, and gives the lease back. If that fails, the lease ends on its own, and the
/// machine's recorder of failures writes the cause to the row.
async fn record(lease: &Lease<'_>, failure: &Failure) {
    if lease.troubled(&failure.cause(), retry_in(failure.kind())).await.is_err() {
        tracing::warn!("the cause could not be recorded");
    }
}

/// When the state machine tries again, if that is known.
const fn retry_in(kind: FailureKind) -> Option<Duration> {
    match kind {
        FailureKind::RateLimited => Some(RATE_LIMITED_RETRY),
        FailureKind::Busy => Some(BUSY_RETRY),
        // The pause is random, so the time of the next try is unknown.
        FailureKind::Transient | FailureKind::Rejected | FailureKind::Internal | FailureKind::Superseded => None,
    }
}
