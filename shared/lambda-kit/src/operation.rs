//! Operations: functions that are neither a route nor a step.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use crate::need::Need;
use crate::platform::Platform;
use crate::telemetry;

/// What one operation does.
pub trait Operation: Need {
    /// The function's name.
    const NAME: &'static str;
    /// What it is invoked with.
    type Event: DeserializeOwned;
    /// What it answers.
    type Answer: Serialize;
    /// Why it did not work.
    type Error: Into<Diagnostic> + std::fmt::Debug;

    /// Serves one invocation. `request_id` is the invocation's; everything logged inside carries it.
    fn invoke(
        &self,
        event: Self::Event,
        request_id: &str,
    ) -> impl Future<Output = Result<Self::Answer, Self::Error>> + Send;
}

/// Serves an operation until the process ends.
pub async fn serve<O: Operation>() -> Result<(), lambda_runtime::Error> {
    let platform = Platform::start().await;
    let operation: O = platform.open()?;
    platform.warmed_up().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<O::Event>| {
        let LambdaEvent { payload, context } = event;
        let span = telemetry::request_span(O::NAME, &context.request_id);
        // Boxed: what an operation awaits is nested too deep for the runtime around it.
        Box::pin(operation.invoke(payload, &context.request_id)).instrument(span).await
    }))
    .await
}
