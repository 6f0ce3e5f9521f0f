//! Starts `POST /v1/admin/tenants/{slug}/purge/approval`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<approve_purge::ApprovePurge>().await
}
