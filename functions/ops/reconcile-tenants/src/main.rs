//! Wiring of the reconciler.

use lambda_runtime::{LambdaEvent, service_fn};
use reconcile_tenants::Reconciler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let reconciler = Reconciler::new(&sdk_config::load().await)?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        Ok::<_, lambda_runtime::Error>(reconciler.reconcile(&event.context.request_id).await?)
    }))
    .await
}
