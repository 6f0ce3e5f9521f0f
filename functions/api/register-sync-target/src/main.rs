//! Wiring of `POST /v1/admin/lakehouse/sync-targets`.

use idempotency::Idempotent;
use register_sync_target::RegisterSyncTarget;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Idempotent::new(RegisterSyncTarget::new(platform), platform)).await
}
