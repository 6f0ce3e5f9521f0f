//! Starts step 2 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_2_end_subscription::EndSubscription>().await
}
