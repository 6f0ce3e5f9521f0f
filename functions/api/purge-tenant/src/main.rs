//! Starts `POST /v1/admin/tenants/{slug}/purge`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<purge_tenant::PurgeTenant>().await
}
