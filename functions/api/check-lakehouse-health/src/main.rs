//! Starts `GET /v1/admin/lakehouse/health`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<check_lakehouse_health::CheckLakehouseHealth>().await
}
