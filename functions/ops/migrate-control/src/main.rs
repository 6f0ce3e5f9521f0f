//! Wiring of the deployment's migrations.

use lambda_runtime::{LambdaEvent, service_fn};
use migrate_control::MigrateControl;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let migrator = MigrateControl::new(&sdk_config::load().await);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        Ok::<_, lambda_runtime::Error>(migrator.serve(event.payload, &event.context.request_id).await?)
    }))
    .await
}
