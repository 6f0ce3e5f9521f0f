//! Starts step 6.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_6_create_graph::CreateGraph>().await
}
