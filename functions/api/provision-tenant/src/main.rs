//! Wiring of `POST /v1/admin/tenants`.

use idempotency::Idempotent;
use provision_tenant::ProvisionTenant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Idempotent::new(ProvisionTenant::new(platform)?, platform)).await
}
