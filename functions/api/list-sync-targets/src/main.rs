//! Starts `GET /v1/admin/lakehouse/sync-targets`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<list_sync_targets::ListSyncTargets>().await
}
