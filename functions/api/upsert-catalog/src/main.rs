//! Wiring of `POST /v1/admin/tenants/{tenant_id}/catalog`.

use idempotency::Idempotent;
use upsert_catalog::UpsertCatalog;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Idempotent::new(UpsertCatalog::new(platform), platform)).await
}
