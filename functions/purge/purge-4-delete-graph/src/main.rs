//! Starts step 4 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_4_delete_graph::DeleteGraph>().await
}
