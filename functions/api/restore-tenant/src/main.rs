//! Starts `POST /v1/admin/tenants/{slug}/restore`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<restore_tenant::RestoreTenant>().await
}
