//! Starts step 1 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_1_close_access::CloseAccess>().await
}
