//! Wiring of the state machine's failure path.

use lambda_runtime::{LambdaEvent, service_fn};
use record_failure::RecordFailure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let recorder = RecordFailure::new(&sdk_config::load().await);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        recorder.record(event.payload, &event.context.request_id).await
    }))
    .await
}
