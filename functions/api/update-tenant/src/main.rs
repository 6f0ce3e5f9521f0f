//! Wiring of `PATCH /v1/admin/tenants/{slug}`.

use idempotency::Idempotent;
use update_tenant::UpdateTenant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Idempotent::new(UpdateTenant::new(platform), platform)).await
}
