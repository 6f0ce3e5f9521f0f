//! Starts `GET /v1/admin/tenants/{slug}`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_tenant::GetTenant>().await
}
