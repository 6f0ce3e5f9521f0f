//! Starts `POST /v1/admin/tenants/{slug}/invitation`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    api_kit::serve::<invite_admin::InviteAdmin>().await
}
