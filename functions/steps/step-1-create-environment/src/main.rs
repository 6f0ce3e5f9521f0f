//! Starts step 1.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_1_create_environment::CreateEnvironment>().await
}
