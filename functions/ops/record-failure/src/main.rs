//! Starts the recorder of failed runs.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<record_failure::RecordFailure>().await
}
