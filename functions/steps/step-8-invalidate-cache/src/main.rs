//! Starts step 8.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_8_invalidate_cache::InvalidateCache>().await
}
