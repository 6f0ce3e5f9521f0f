//! Starts the deployment's migrations.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<migrate_control::MigrateControl>().await
}
