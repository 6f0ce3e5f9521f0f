//! What a request does about a run, of the pipeline or of a purge. The row is committed before, so the answer does not depend on
//! it: the reconciler does what could not be done here.

use std::time::Duration;

use domain::{CauseCode, Step};
use lambda_kit::Budget;
use store::{Store, StoreError, Tenant};

use crate::care::{Care, CareError, look_after};
use crate::executions::Execution;

/// The longest wait for a run's start.
const START_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time for looking after a run that is there already: a statement, two calls of Step Functions, a statement.
const CARE_TIMEOUT: Duration = Duration::from_secs(3);
/// Kept for what may follow: resuming the row of a run that ended, and starting its next attempt.
const RESUMED_AND_STARTED: Duration = Duration::from_millis(1500);
/// Recording why a run could not be started. Without the record the reconciler notices by itself after a minute.
const HELD_UP_TIMEOUT: Duration = Duration::from_millis(500);
/// Writing the answer.
const ANSWER: Duration = Duration::from_millis(100);

/// The step at which a tenant's further attempt goes on, if it is known. It is asked before the start, since the run completes steps.
pub async fn resumes_at(store: &Store, tenant: &Tenant) -> Option<Step> {
    if tenant.attempt > 1 { store.next_step(tenant.tenant_id).await.ok().flatten() } else { None }
}

/// Starts the run of a row's attempt. What could not be started is left to the reconciler, and the run's next step shows why.
pub async fn start(store: &Store, execution: &Execution<'_>, budget: Budget) {
    let (machine, tenant_id, attempt) = (execution.machine, execution.run.tenant_id, execution.run.attempt);
    let part = budget.keeping(HELD_UP_TIMEOUT + ANSWER).at_most(START_TIMEOUT);
    let started = part.spend(execution.start()).await;
    let Err(failure) = started.unwrap_or_else(|| Err(CauseCode::ExecutionsUnavailable.into())) else { return };
    lambda_kit::trouble!(failure, ?machine, %tenant_id, attempt, "a run could not be started; it is left to the reconciler");
    let cause = failure.cause();
    let held_up = store.hold_up_run(machine, tenant_id, attempt, &cause, true);
    let _ = budget.at_most(HELD_UP_TIMEOUT).spend(held_up).await;
}

/// Looks after a run that shows no sign of life. Trouble with it does not refuse the request, since the reconciler looks after
/// the run as well.
pub async fn attend(
    store: &Store,
    execution: &Execution<'_>,
    request_id: &str,
    budget: Budget,
) -> Result<Care, StoreError> {
    let care = look_after(store, execution, request_id);
    match budget.keeping(RESUMED_AND_STARTED).at_most(CARE_TIMEOUT).spend(care).await {
        Some(Ok(care)) => Ok(care),
        Some(Err(CareError::Store(error))) => Err(error),
        Some(Err(CareError::Executions(failure))) => {
            tracing::warn!(code = failure.code().as_str(), "a run could not be looked after");
            Ok(Care::Nothing)
        }
        None => {
            tracing::warn!("a run could not be looked after in time");
            Ok(Care::Nothing)
        }
    }
}
