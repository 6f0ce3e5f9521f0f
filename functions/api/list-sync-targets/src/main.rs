//! Wiring of `GET /v1/admin/lakehouse/sync-targets`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Ok(list_sync_targets::ListSyncTargets::new(platform))).await
}
