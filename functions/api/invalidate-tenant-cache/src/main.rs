//! Wiring of `POST /v1/admin/tenants/{slug}/cache/invalidate`.

use idempotency::Idempotent;
use invalidate_tenant_cache::InvalidateTenantCache;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Idempotent::new(InvalidateTenantCache::new(platform), platform)).await
}
