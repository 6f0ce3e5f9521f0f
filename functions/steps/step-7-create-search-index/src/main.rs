//! Starts step 7.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_7_create_search_index::CreateSearchIndex>().await
}
