//! Starts step 3 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_3_delete_index::DeleteIndex>().await
}
