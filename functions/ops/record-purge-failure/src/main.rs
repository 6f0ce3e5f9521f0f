//! Starts the recorder of failed purges.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<record_purge_failure::RecordPurgeFailure>().await
}
