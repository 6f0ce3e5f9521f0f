//! Starts step 2.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_2_await_environment::AwaitEnvironment>().await
}
