//! Starts `POST /v1/admin/tenants/{slug}/retry`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<retry_tenant::RetryTenant>().await
}
