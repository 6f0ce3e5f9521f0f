//! Wiring of `PATCH /v1/admin/tenants/{slug}`.

use update_tenant::UpdateTenant;
use idempotency::Idempotent;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Idempotent::new(UpdateTenant::new(platform), platform)).await
}
