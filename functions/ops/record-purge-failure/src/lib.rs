//! Records that a purge gave up, at which step and why.

use lambda_kit::needs;
use lambda_kit::operation::Operation;
use step_kit::{FailedRun, Recorded, StepError, not_recorded};
use store::{ControlDatabase, Machine};

needs! {
    /// The recorder of failed purges.
    pub struct RecordPurgeFailure {
        store: ControlDatabase,
    }
}

impl Operation for RecordPurgeFailure {
    const NAME: &'static str = "record-purge-failure";
    type Event = FailedRun;
    type Answer = Recorded;
    type Error = StepError;

    async fn invoke(&self, failed: FailedRun, request_id: &str) -> Result<Recorded, StepError> {
        failed.record(&self.store, Machine::Purge, request_id).await
    }

    fn failed(error: &StepError) {
        not_recorded(error);
    }
}
