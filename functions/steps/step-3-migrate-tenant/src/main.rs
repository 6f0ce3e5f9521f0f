//! Starts step 3.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    step_kit::serve::<step_3_migrate_tenant::MigrateTenant>().await
}
