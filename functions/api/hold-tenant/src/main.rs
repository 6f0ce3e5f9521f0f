//! Starts `PUT /v1/admin/tenants/{slug}/hold`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<hold_tenant::HoldTenant>().await
}
