//! Starts `GET /v1/admin/audit`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<list_audit::ListAudit>().await
}
