//! Starts `GET /v1/admin/tenants`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<list_systems::ListSystems>().await
}
