//! Starts `PATCH /v1/admin/tenants/{slug}`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<update_tenant::UpdateTenant>().await
}
