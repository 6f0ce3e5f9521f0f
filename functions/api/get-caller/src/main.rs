//! Starts `GET /v1/admin/me`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_caller::GetCaller>().await
}
