//! A step of either state machine, and the lease that it works under.

use std::time::Duration;

use domain::{PurgeStep, Step};
use serde::Serialize;
use store::{NotBegun, StepTask, Store};

/// The lease of a step of the pipeline. Written as [`Task`] writes it, so that the compiler takes its lifetime for the one of
/// [`Work::run`](crate::Work::run).
pub type Lease<'a> = <Step as Task>::Lease<'a>;
/// The lease of a step of a purge, likewise.
pub type PurgeLease<'a> = <PurgeStep as Task>::Lease<'a>;

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
    fn lease<'a>(lease: &'a Self::Lease<'_>) -> &'a store::Lease<'a>;
}

impl Task for Step {
    type Lease<'a> = store::Lease<'a>;

    fn function(self) -> &'static str {
        self.function()
    }

    async fn begin<'a>(
        store: &'a Store,
        task: StepTask,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<store::Lease<'a>, NotBegun> {
        store.begin_step(task, token, work, invocation).await
    }

    fn lease<'a>(lease: &'a store::Lease<'_>) -> &'a store::Lease<'a> {
        lease
    }
}

impl Task for PurgeStep {
    type Lease<'a> = store::PurgeLease<'a>;

    fn function(self) -> &'static str {
        self.function()
    }

    async fn begin<'a>(
        store: &'a Store,
        task: StepTask<Self>,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<store::PurgeLease<'a>, NotBegun> {
        store.begin_purge_step(task, token, work, invocation).await
    }

    fn lease<'a>(lease: &'a store::PurgeLease<'_>) -> &'a store::Lease<'a> {
        lease
    }
}
