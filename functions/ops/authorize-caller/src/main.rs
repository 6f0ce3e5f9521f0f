//! Starts the gateway's authorizer.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<authorize_caller::AuthorizeCaller>().await
}
