//! Starts `GET /v1/admin/tenants/{tenant_id}/catalog`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_catalog::GetCatalog>().await
}
