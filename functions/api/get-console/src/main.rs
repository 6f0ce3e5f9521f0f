//! Starts `GET /v1/console`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<get_console::GetConsole>().await
}
