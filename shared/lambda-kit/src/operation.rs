//! Operations: functions that are neither a route nor a step.

use std::fmt::Debug;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use crate::need::Need;
use crate::platform::Platform;
use crate::telemetry;

/// The work of one operation.
pub trait Operation: Need {
    /// The function's name.
    const NAME: &'static str;
    /// The input of an invocation.
    type Event: DeserializeOwned;
    /// The output of an invocation.
    type Answer: Serialize;
    /// Why an invocation failed.
    type Error: Into<Diagnostic> + Debug;

    /// Handles one invocation. `request_id` is the invocation's, and every log line inside contains it.
    fn invoke(
        &self,
        event: Self::Event,
        request_id: &str,
    ) -> impl Future<Output = Result<Self::Answer, Self::Error>> + Send;

    /// Logs why an invocation failed, unless the operation has said it itself.
    fn failed(error: &Self::Error) {
        tracing::error!(?error, "failed");
    }
}

/// Serves an operation until the process ends.
pub async fn serve<O: Operation>() -> Result<(), lambda_runtime::Error> {
    let platform = Platform::start(O::NAME);
    let operation: O = platform.open()?;
    platform.warmed_up().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<O::Event>| {
        let LambdaEvent { payload, context } = event;
        let span = telemetry::request_span(O::NAME, &context.request_id);
        // Boxed, because an operation's future is nested too deep for the runtime around it.
        let outcome = Box::pin(operation.invoke(payload, &context.request_id)).instrument(span.clone()).await;
        outcome.inspect_err(|error| span.in_scope(|| O::failed(error)))
    }))
    .await
}
