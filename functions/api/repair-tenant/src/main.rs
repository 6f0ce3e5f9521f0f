//! Starts `POST /v1/admin/tenants/{slug}/repair`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<repair_tenant::RepairTenant>().await
}
