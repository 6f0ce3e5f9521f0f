//! Starts `POST /v1/admin/tenants/{slug}/cache/invalidate`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<invalidate_tenant_cache::InvalidateTenantCache>().await
}
