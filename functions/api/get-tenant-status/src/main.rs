//! Starts `GET /v1/admin/tenants/{slug}/status`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_tenant_status::GetTenantStatus>().await
}
