//! Records that a run failed, at which step and why.

use lambda_kit::needs;
use lambda_kit::operation::Operation;
use step_kit::{FailedRun, Recorded, StepError, not_recorded};
use store::{ControlDatabase, Machine};

needs! {
    /// The recorder of failed runs.
    pub struct RecordFailure {
        store: ControlDatabase,
    }
}

impl Operation for RecordFailure {
    const NAME: &'static str = "record-failure";
    type Event = FailedRun;
    type Answer = Recorded;
    type Error = StepError;

    async fn invoke(&self, failed: FailedRun, request_id: &str) -> Result<Recorded, StepError> {
        failed.record(&self.store, Machine::Pipeline, request_id).await
    }

    fn failed(error: &StepError) {
        not_recorded(error);
    }
}
