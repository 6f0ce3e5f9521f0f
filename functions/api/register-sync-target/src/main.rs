//! Starts `POST /v1/admin/lakehouse/sync-targets`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<register_sync_target::RegisterSyncTarget>().await
}
