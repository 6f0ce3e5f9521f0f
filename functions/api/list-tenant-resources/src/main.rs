//! Starts `GET /v1/admin/tenants/{slug}/resources`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<list_tenant_resources::ListTenantResources>().await
}
