//! Wiring of `GET /v1/admin/tenants/{tenant_id}/catalog`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Ok(get_catalog::GetCatalog::new(platform))).await
}
