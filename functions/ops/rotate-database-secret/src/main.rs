//! Starts the rotation of the control database's password.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<rotate_database_secret::RotateDatabaseSecret>().await
}
