//! Starts step 6 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_6_delete_project::DeleteProject>().await
}
