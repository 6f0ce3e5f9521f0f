//! Starts runs of the pipeline and looks after those nobody runs: what `POST` and the reconciler both do.

use std::time::Duration;

use domain::{Cause, Failure, FailureKind, Owner};
use executions::{Executions, Standing};
use store::{FailOutcome, Store, StoreError, Tenant};

/// A provisioning row that has shown no sign of life for this long is looked after.
pub const IDLE: Duration = Duration::from_mins(1);

/// What looking after a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// It is alive, or somebody else looks after it.
    Nothing,
    /// Its execution had never been started; now it is.
    Started,
    /// Its execution had ended without a word; the row says so now.
    Failed,
}

/// Looking after a run did not work.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Step Functions.
    #[error(transparent)]
    Executions(#[from] Failure),
}

/// Looks after a provisioning tenant if it has been idle for [`IDLE`]: an execution that never started is started, the
/// failure of one that ended is written down. Where Step Functions cannot be asked, the run's next step says so.
pub async fn look_after(
    store: &Store,
    executions: &Executions,
    tenant: &Tenant,
    request_id: &str,
) -> Result<Care, CareError> {
    if !store.claim_idle_run(tenant.tenant_id, tenant.attempt, IDLE).await? {
        return Ok(Care::Nothing);
    }
    let cared = care(store, executions, tenant, request_id).await;
    if let Err(CareError::Executions(failure)) = &cared {
        store.hold_up_run(tenant.tenant_id, tenant.attempt, &failure.cause, false).await?;
    }
    cared
}

async fn care(store: &Store, executions: &Executions, tenant: &Tenant, request_id: &str) -> Result<Care, CareError> {
    match executions.standing(tenant.tenant_id, tenant.attempt).await? {
        Standing::Running => Ok(Care::Nothing),
        Standing::Absent => {
            executions.start(tenant.tenant_id, tenant.attempt).await?;
            tracing::warn!(tenant_id = %tenant.tenant_id, attempt = tenant.attempt, "started a run that had never started");
            Ok(Care::Started)
        }
        Standing::Succeeded | Standing::Ended => {
            let outcome = store.fail_run(tenant.tenant_id, tenant.attempt, &lost(), false, request_id).await?;
            tracing::warn!(tenant_id = %tenant.tenant_id, attempt = tenant.attempt, ?outcome, "a run had ended without a word");
            Ok(if matches!(outcome, FailOutcome::Failed(_)) { Care::Failed } else { Care::Nothing })
        }
    }
}

fn lost() -> Cause {
    let hint = "The run was stopped, timed out or could not say why it ended; POST the tenant again to resume it.";
    Failure::new(FailureKind::Transient, "run_lost", Owner::Platform, hint).cause
}
