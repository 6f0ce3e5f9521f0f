//! Starts `GET /v1/admin/tenants/{slug}/purge-plan`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_purge_plan::GetPurgePlan>().await
}
