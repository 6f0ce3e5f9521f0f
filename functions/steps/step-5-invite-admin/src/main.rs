//! Starts step 5.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_5_invite_admin::InviteAdmin>().await
}
