//! What a request does about a tenant's run. The row is committed before, so the answer does not depend on it: the reconciler
//! does what could not be done here.

use std::time::Duration;

use domain::{CauseCode, Step};
use lambda_kit::Budget;
use store::{Store, StoreError, Tenant};

use crate::care::{Care, CareError, look_after};
use crate::executions::Runs;

/// The longest wait for a run's start.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time for looking after a run that is there already: a statement, two calls of Step Functions, a statement.
pub(crate) const CARE_TIMEOUT: Duration = Duration::from_secs(3);
/// Kept for what may follow: resuming the row of a run that ended, and starting its next attempt.
pub(crate) const RESUMED_AND_STARTED: Duration = Duration::from_millis(1500);
/// Recording why a run could not be started. Without the record the reconciler notices by itself after a minute.
pub(crate) const HELD_UP_TIMEOUT: Duration = Duration::from_millis(500);
/// Writing the answer.
pub(crate) const ANSWER: Duration = Duration::from_millis(100);

/// Starts the run of a row's attempt. What could not be started is left to the reconciler, and the run's next step shows why.
/// Returns the step at which a further attempt goes on, if it is known.
pub async fn start(store: &Store, runs: &Runs, tenant: &Tenant, budget: Budget) -> Option<Step> {
    let (tenant_id, attempt) = (tenant.tenant_id, tenant.attempt);
    // Asked before the start, since the run completes steps.
    let resumes_at = if attempt > 1 { store.next_step(tenant_id).await.ok().flatten() } else { None };
    let part = budget.keeping(HELD_UP_TIMEOUT + ANSWER).at_most(START_TIMEOUT);
    let started = part.spend(runs.start(tenant)).await;
    let Err(failure) = started.unwrap_or_else(|| Err(CauseCode::ExecutionsUnavailable.into())) else {
        return resumes_at;
    };
    lambda_kit::trouble!(failure, %tenant_id, attempt, "the run could not be started; it is left to the reconciler");
    let cause = failure.cause();
    let _ = budget.at_most(HELD_UP_TIMEOUT).spend(store.hold_up_run(tenant_id, attempt, &cause, true)).await;
    resumes_at
}

/// Looks after a run that shows no sign of life. Trouble with it does not refuse the request, since the reconciler looks after
/// the run as well.
pub async fn attend(
    store: &Store,
    runs: &Runs,
    tenant: &Tenant,
    request_id: &str,
    budget: Budget,
) -> Result<Care, StoreError> {
    let care = look_after(store, runs, tenant, request_id);
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
