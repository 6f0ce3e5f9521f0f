//! Takes care of runs, of the pipeline and of purges, that show no sign of life.

use std::time::Duration;

use domain::{CauseCode, Failure};
use store::{FailOutcome, Machine, Store, StoreError};

use crate::executions::{Execution, RunStatus};

/// A run is checked if it has shown no sign of life for this long.
pub const IDLE: Duration = Duration::from_mins(1);

/// The result of checking a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// It is alive, or another process takes care of it.
    Nothing,
    /// Its execution had never been started. It is started now.
    Started,
    /// Its execution had ended without recording its failure. The failure is recorded now.
    Failed,
}

/// Why a run could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Step Functions.
    #[error(transparent)]
    Executions(#[from] Failure),
}

/// Checks a run that has been idle for [`IDLE`]. An execution that never started is started.
/// If an execution has ended without recording its failure, the failure is recorded. If Step Functions cannot be
/// reached, the run's next step shows the cause.
pub async fn look_after(store: &Store, execution: &Execution<'_>, request_id: &str) -> Result<Care, CareError> {
    let (machine, tenant_id, attempt) = (execution.machine, execution.run.tenant_id, execution.run.attempt);
    if !store.claim_idle_run(machine, tenant_id, attempt, IDLE).await? {
        return Ok(Care::Nothing);
    }
    let cared = care(store, execution, request_id).await;
    if let Err(CareError::Executions(failure)) = &cared {
        store.hold_up_run(machine, tenant_id, attempt, &failure.cause(), false).await?;
    }
    cared
}

async fn care(store: &Store, execution: &Execution<'_>, request_id: &str) -> Result<Care, CareError> {
    let (machine, run) = (execution.machine, &execution.run);
    let (tenant_id, attempt, correlation_id) = (run.tenant_id, run.attempt, run.correlation_id.as_deref());
    match execution.status().await? {
        RunStatus::Running => Ok(Care::Nothing),
        RunStatus::Absent => {
            execution.start().await?;
            tracing::warn!(?machine, %tenant_id, attempt, correlation_id, "started a run that had never started");
            Ok(Care::Started)
        }
        RunStatus::Ended { by } => {
            // An execution that failed says by which error, even if nobody could record it.
            let (cause, last_word) = match by {
                Some(error) => (error.cause(), true),
                None => (Failure::from(lost(machine)).cause(), false),
            };
            let outcome = store.fail_run(machine, tenant_id, attempt, &cause, last_word, request_id).await?;
            let code = &*cause.code;
            tracing::warn!(?machine, %tenant_id, attempt, correlation_id, ?outcome, code, "a run had ended without recording its failure");
            Ok(if matches!(outcome, FailOutcome::Failed(_)) { Care::Failed } else { Care::Nothing })
        }
    }
}

/// Why a run failed whose execution ended without a word.
const fn lost(machine: Machine) -> CauseCode {
    match machine {
        Machine::Pipeline => CauseCode::RunLost,
        Machine::Purge => CauseCode::PurgeLost,
    }
}
