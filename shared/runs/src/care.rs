//! Takes care of runs that show no sign of life.

use std::time::Duration;

use domain::{CauseCode, Failure};
use store::{FailOutcome, Store, StoreError, Tenant};

use crate::executions::{RunStatus, Runs};

/// The run of a provisioning tenant is checked if it has shown no sign of life for this long.
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

/// Checks the run of a provisioning tenant that has been idle for [`IDLE`]. An execution that never started is started.
/// If an execution has ended without recording its failure, the failure is recorded. If Step Functions cannot be
/// reached, the run's next step shows the cause.
pub async fn look_after(store: &Store, runs: &Runs, tenant: &Tenant, request_id: &str) -> Result<Care, CareError> {
    if !store.claim_idle_run(tenant.tenant_id, tenant.attempt, IDLE).await? {
        return Ok(Care::Nothing);
    }
    let cared = care(store, runs, tenant, request_id).await;
    if let Err(CareError::Executions(failure)) = &cared {
        store.hold_up_run(tenant.tenant_id, tenant.attempt, &failure.cause(), false).await?;
    }
    cared
}

async fn care(store: &Store, runs: &Runs, tenant: &Tenant, request_id: &str) -> Result<Care, CareError> {
    let (tenant_id, attempt, correlation_id) = (tenant.tenant_id, tenant.attempt, &tenant.correlation_id);
    match runs.status(tenant_id, attempt).await? {
        RunStatus::Running => Ok(Care::Nothing),
        RunStatus::Absent => {
            runs.start(tenant).await?;
            tracing::warn!(%tenant_id, attempt, correlation_id, "started a run that had never started");
            Ok(Care::Started)
        }
        RunStatus::Ended { by } => {
            // An execution that failed says by which error, even if nobody could record it.
            let (cause, last_word) = match by {
                Some(error) => (error.cause(), true),
                None => (Failure::from(CauseCode::RunLost).cause(), false),
            };
            let outcome = store.fail_run(tenant_id, attempt, &cause, last_word, request_id).await?;
            let code = &*cause.code;
            tracing::warn!(%tenant_id, attempt, correlation_id, ?outcome, code, "a run had ended without recording its failure");
            Ok(if matches!(outcome, FailOutcome::Failed(_)) { Care::Failed } else { Care::Nothing })
        }
    }
}
