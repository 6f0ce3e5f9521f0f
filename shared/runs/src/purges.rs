//! What is done about a purge's execution, by requests and by the reconciler: the same as about a run of the pipeline.

use domain::{CauseCode, Failure};
use lambda_kit::Budget;
use store::{Purge, PurgeFailOutcome, Store, StoreError};

use crate::care::{Care, CareError, IDLE};
use crate::executions::{Purges, RunStatus};
use crate::request::{ANSWER, CARE_TIMEOUT, HELD_UP_TIMEOUT, RESUMED_AND_STARTED, START_TIMEOUT};

/// Checks a purge that has been idle for [`IDLE`]. An execution that never started is started. If an execution has ended without
/// recording its failure, the failure is recorded.
pub async fn look_after_purge(
    store: &Store,
    purges: &Purges,
    purge: &Purge,
    request_id: &str,
) -> Result<Care, CareError> {
    if !store.claim_idle_purge(purge.tenant_id, purge.attempt, IDLE).await? {
        return Ok(Care::Nothing);
    }
    let cared = care(store, purges, purge, request_id).await;
    if let Err(CareError::Executions(failure)) = &cared {
        store.hold_up_purge(purge.tenant_id, purge.attempt, &failure.cause(), false).await?;
    }
    cared
}

async fn care(store: &Store, purges: &Purges, purge: &Purge, request_id: &str) -> Result<Care, CareError> {
    let (tenant_id, attempt, correlation_id) = (purge.tenant_id, purge.attempt, &purge.correlation_id);
    match purges.status(purge).await? {
        RunStatus::Running => Ok(Care::Nothing),
        RunStatus::Absent => {
            purges.start(purge).await?;
            tracing::warn!(%tenant_id, attempt, correlation_id, "started a purge that had never started");
            Ok(Care::Started)
        }
        RunStatus::Ended { by } => {
            // An execution that failed says by which error, even if nobody could record it.
            let (cause, last_word) = match by {
                Some(error) => (error.cause(), true),
                None => (Failure::from(CauseCode::PurgeLost).cause(), false),
            };
            let outcome = store.fail_purge(tenant_id, attempt, &cause, last_word, request_id).await?;
            let code = &*cause.code;
            tracing::warn!(%tenant_id, attempt, correlation_id, ?outcome, code, "a purge had ended without recording its failure");
            Ok(if matches!(outcome, PurgeFailOutcome::Failed(_)) { Care::Failed } else { Care::Nothing })
        }
    }
}

/// Starts a purge's execution. What could not be started is left to the reconciler, and the purge's next step shows why.
pub async fn start_purge(store: &Store, purges: &Purges, purge: &Purge, budget: Budget) {
    let (tenant_id, attempt) = (purge.tenant_id, purge.attempt);
    let part = budget.keeping(HELD_UP_TIMEOUT + ANSWER).at_most(START_TIMEOUT);
    let started = part.spend(purges.start(purge)).await;
    let Err(failure) = started.unwrap_or_else(|| Err(CauseCode::ExecutionsUnavailable.into())) else { return };
    lambda_kit::trouble!(failure, %tenant_id, attempt, "the purge could not be started; it is left to the reconciler");
    let cause = failure.cause();
    let _ = budget.at_most(HELD_UP_TIMEOUT).spend(store.hold_up_purge(tenant_id, attempt, &cause, true)).await;
}

/// Looks after a purge that shows no sign of life. Trouble with it does not refuse the request, since the reconciler looks after the
/// purge as well.
pub async fn attend_purge(
    store: &Store,
    purges: &Purges,
    purge: &Purge,
    request_id: &str,
    budget: Budget,
) -> Result<Care, StoreError> {
    let care = look_after_purge(store, purges, purge, request_id);
    match budget.keeping(RESUMED_AND_STARTED).at_most(CARE_TIMEOUT).spend(care).await {
        Some(Ok(care)) => Ok(care),
        Some(Err(CareError::Store(error))) => Err(error),
        Some(Err(CareError::Executions(failure))) => {
            tracing::warn!(code = failure.code().as_str(), "a purge could not be looked after");
            Ok(Care::Nothing)
        }
        None => {
            tracing::warn!("a purge could not be looked after in time");
            Ok(Care::Nothing)
        }
    }
}
