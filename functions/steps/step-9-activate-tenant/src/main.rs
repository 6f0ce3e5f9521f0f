//! Starts step 9.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_9_activate_tenant::ActivateTenant>().await
}
