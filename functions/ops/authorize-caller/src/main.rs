//! Wiring of the gateway's authorizer.

use authorize_caller::Authorizer;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let authorizer = Authorizer::new(&sdk_config::load().await);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        authorizer.authorize(event.payload, &event.context.request_id).await
    }))
    .await
}
