//! Starts step 4.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_4_verify_seed::VerifySeed>().await
}
