//! A step of either state machine, and the lease that it works under.

use std::time::Duration;

use domain::{PurgeStep, Step};
use serde::Serialize;
use store::{Lease, NotBegun, PurgeLease, StepTask, Store};

/// A step of the pipeline or of a purge.
pub trait Task: Copy + Serialize {
    /// The lease that its work is done under.
    type Lease<'a>;

    /// The function's name.
    fn function(self) -> &'static str;

    /// Takes the lease and begins the step: see [`Store::begin_step`].
    fn begin<'a>(
        store: &'a Store,
        task: StepTask<Self>,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> impl Future<Output = Result<Self::Lease<'a>, NotBegun>>;

    /// What both leases have.
    fn lease<'a>(lease: &'a Self::Lease<'_>) -> &'a Lease<'a>;
}

impl Task for Step {
    type Lease<'a> = Lease<'a>;

    fn function(self) -> &'static str {
        self.function()
    }

    async fn begin<'a>(
        store: &'a Store,
        task: StepTask,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<Lease<'a>, NotBegun> {
        store.begin_step(task, token, work, invocation).await
    }

    fn lease<'a>(lease: &'a Lease<'_>) -> &'a Lease<'a> {
        lease
    }
}

impl Task for PurgeStep {
    type Lease<'a> = PurgeLease<'a>;

    fn function(self) -> &'static str {
        self.function()
    }

    async fn begin<'a>(
        store: &'a Store,
        task: StepTask<Self>,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<PurgeLease<'a>, NotBegun> {
        store.begin_purge_step(task, token, work, invocation).await
    }

    fn lease<'a>(lease: &'a PurgeLease<'_>) -> &'a Lease<'a> {
        lease
    }
}
