//! The tenant's lease, for a route that calls other systems under it.

use std::pin::Pin;
use std::time::{Duration, Instant};

use domain::ProvisioningState;
use lambda_kit::Budget;
use store::{Lease, NotLeased};

use crate::{Answer, Problem};

/// How often to look whether another operation on the tenant is over.
const POLL: Duration = Duration::from_millis(200);

/// The lease that `take` takes, after a wait of at most `wait` for another operation on the tenant. `refused` says why there is none
/// in the tenant's state.
pub async fn take_lease<'a, F: Future<Output = Result<Lease<'a>, NotLeased>>>(
    wait: Duration,
    take: impl Fn() -> F,
    refused: impl Fn(ProvisioningState) -> Problem,
) -> Result<Lease<'a>, Problem> {
    let started = Instant::now();
    loop {
        match take().await {
            Ok(lease) => return Ok(lease),
            Err(NotLeased::Busy) if started.elapsed() < wait => tokio::time::sleep(POLL).await,
            Err(NotLeased::Busy) => return Err(Problem::operation_in_progress()),
            Err(NotLeased::State(state)) => return Err(refused(state)),
            Err(NotLeased::Unknown) => return Err(Problem::tenant_not_found()),
            Err(NotLeased::Store(error)) => return Err(error.into()),
        }
    }
}

/// Works under a lease, which the work gives back when it is done. After a refusal it is given back here. If the time is over first,
/// it ends on its own. The work is boxed, because what is awaited for other systems is nested deep.
pub async fn work_under(
    lease: &Lease<'_>,
    budget: Budget,
    work: Pin<Box<impl Future<Output = Result<Answer, Problem>>>>,
) -> Result<Answer, Problem> {
    let worked = budget.spend(work).await.ok_or_else(Problem::unavailable)?;
    if worked.is_err()
        && let Err(error) = lease.release().await
    {
        tracing::warn!(%error, "the lease could not be given back; it ends on its own");
    }
    worked
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    async fn refusal(why: impl Fn() -> NotLeased) -> Problem {
        let refused = |state: ProvisioningState| Problem::tenant_not_active(state.as_str());
        take_lease(POLL / 2, || ready(Err(why())), refused).await.err().expect("no lease")
    }

    #[tokio::test]
    async fn whoever_gets_no_lease_is_told_why() {
        let off = || NotLeased::State(ProvisioningState::Deprovisioned);
        assert_eq!(refusal(off).await, Problem::tenant_not_active("deprovisioned"));
        assert_eq!(refusal(|| NotLeased::Unknown).await, Problem::tenant_not_found());
        let asked = Cell::new(0);
        let busy = || {
            asked.set(asked.get() + 1);
            NotLeased::Busy
        };
        assert_eq!(refusal(busy).await, Problem::operation_in_progress());
        assert_eq!(asked.get(), 2, "once more after a pause");
    }
}
