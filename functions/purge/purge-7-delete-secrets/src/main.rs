//! Starts step 7 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_7_delete_secrets::DeleteSecrets>().await
}
