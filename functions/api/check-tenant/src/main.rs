//! Starts `POST /v1/admin/tenants/{slug}/check`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<check_tenant::CheckTenant>().await
}
