//! Starts `POST /v1/admin/tenants/{tenant_id}/catalog`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<upsert_catalog::UpsertCatalog>().await
}
