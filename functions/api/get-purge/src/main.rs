//! Starts `GET /v1/admin/purges/{tenant_id}`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_purge::GetPurge>().await
}
