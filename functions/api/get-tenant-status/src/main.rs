//! Wiring of `GET /v1/admin/tenants/{slug}/status`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Ok(get_tenant_status::GetTenantStatus::new(platform))).await
}
