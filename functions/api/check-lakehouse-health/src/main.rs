//! Wiring of `GET /v1/admin/lakehouse/health`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve(|platform| Ok(check_lakehouse_health::CheckLakehouseHealth::new(platform))).await
}
