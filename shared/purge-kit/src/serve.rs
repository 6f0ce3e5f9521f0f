//! From a Lambda invocation to a step of a purge and back.

use std::time::{Duration, Instant, SystemTime};

use domain::{CauseCode, Failure, PurgeStep, Run};
use lambda_kit::{Declaration, Need, Platform, telemetry};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::Serialize;
use step_kit::{Ending, FAREWELL, StepError, retry_in};
use store::{ControlDatabase, PurgeLease, PurgeNotBegun, PurgeStepOutcome, PurgeTask, Store};
use tracing::{Instrument, Span};

/// What one step does. Its fields are what it may reach.
pub trait Work: Need {
    /// The step.
    const STEP: PurgeStep;
    /// The pause of the Wait state after the step, if the step can wait.
    const POLL: Duration = Duration::ZERO;

    /// Ends what the step is for, or finds that it has ended.
    fn run(&self, lease: &PurgeLease<'_>) -> impl Future<Output = Result<PurgeStepOutcome, Failure>>;
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
struct Report {
    step: PurgeStep,
    /// False: invoke the step again later.
    ready: bool,
    waiting_for: Option<String>,
}

/// Serves a step until the process ends.
pub async fn serve<W: Work>() -> Result<(), lambda_runtime::Error> {
    let platform = Platform::start(&W::STEP.function());
    // If settings cannot be used, each invocation fails with that cause, so that the purge shows it.
    let work: Result<W, Failure> = platform.open();
    let store: ControlDatabase = platform.open()?;
    let ending: Ending = platform.open()?;
    platform.warmed_up().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Run>| {
        let LambdaEvent { payload: run, context } = event;
        let began = Instant::now();
        let span = telemetry::request_span(&W::STEP.function(), &context.request_id);
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
) -> Result<Report, Failure> {
    let done = Report { step: W::STEP, ready: true, waiting_for: None };
    let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let time = remaining.saturating_sub(FAREWELL);
    let task = PurgeTask { tenant_id: run.tenant_id, attempt: run.attempt, step: W::STEP };
    let lease = match store.begin_purge_step(task, &context.request_id, time, remaining).await {
        Ok(lease) => lease,
        Err(PurgeNotBegun::Completed) => return Ok(done),
        Err(PurgeNotBegun::Superseded) => return Err(CauseCode::Superseded.into()),
        Err(PurgeNotBegun::Busy) => return Err(CauseCode::LeaseHeld.into()),
        Err(PurgeNotBegun::Held) => return Err(CauseCode::PurgeHeld.into()),
        Err(PurgeNotBegun::Store(error)) => return Err(error.into()),
    };
    Span::current().record("slug", lease.purge().slug.as_str()).record("correlation_id", &lease.purge().correlation_id);
    // Boxed, because a step's future is nested too deep for the runtime around it.
    let run = Box::pin(async { work.map_err(Failure::clone)?.run(&lease).await });
    let outcome = tokio::time::timeout(time, run).await.unwrap_or_else(|_| Err(CauseCode::StepTimeout.into()));
    let finished = match outcome {
        Ok(outcome) => lease.finish_step(&outcome, W::POLL).await.map(|()| outcome),
        Err(failure) => Err(failure),
    }
    .map_err(|failure| lease.tenant().named_in(failure));
    match finished {
        Ok(PurgeStepOutcome::Waiting { waiting_for }) => {
            Ok(Report { ready: false, waiting_for: Some(waiting_for.into_owned()), ..done })
        }
        Ok(PurgeStepOutcome::Completed | PurgeStepOutcome::Written) => Ok(done),
        Err(failure) => {
            // If that fails, the lease ends on its own, and `record-purge-failure` writes the cause to the row.
            if lease.step_troubled(&failure.cause(), retry_in(failure.kind())).await.is_err() {
                tracing::warn!("the cause could not be recorded");
            }
            Err(failure)
        }
    }
}
