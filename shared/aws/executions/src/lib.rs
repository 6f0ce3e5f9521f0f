//! Step Functions: the pipeline's executions. One attempt of a tenant is one execution name, so that starting it twice
//! is starting it once.

use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::operation::stop_execution::StopExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use domain::{Failure, FailureKind, Owner, TenantId, names};

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none of that name.
    Absent,
    /// It runs.
    Running,
    /// It came to its end without failing.
    Succeeded,
    /// It failed, was stopped or timed out.
    Ended,
}

/// The executions of one state machine.
#[derive(Clone, Debug)]
pub struct Executions {
    client: Client,
    state_machine_arn: String,
}

impl Executions {
    /// The executions of the state machine `STATE_MACHINE_ARN`.
    pub fn from_env(config: &SdkConfig) -> Result<Self, Failure> {
        let state_machine_arn = std::env::var("STATE_MACHINE_ARN").map_err(|_| {
            Failure::new(
                FailureKind::Internal,
                "state_machine_unknown",
                Owner::Platform,
                "STATE_MACHINE_ARN is not set; redeploy the template.",
            )
        })?;
        Ok(Self { client: Client::new(config), state_machine_arn })
    }

    /// Starts an attempt's execution; one that was started already is left as it is. (Step Functions answers a repeat
    /// with the same execution while it runs and with `ExecutionAlreadyExists` afterwards.)
    pub async fn start(&self, tenant_id: TenantId, attempt: i32) -> Result<(), Failure> {
        let input = serde_json::json!({"tenant_id": tenant_id, "attempt": attempt}).to_string();
        let start = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(names::execution(tenant_id, attempt))
            .input(input);
        match start.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }

    /// Stops an attempt's execution; one that is not there, or has ended, needs no stopping.
    pub async fn stop(&self, tenant_id: TenantId, attempt: i32) -> Result<(), Failure> {
        let stop = self.client.stop_execution().execution_arn(self.execution_arn(tenant_id, attempt));
        match stop.cause("The tenant was deactivated.").send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(StopExecutionError::is_execution_does_not_exist) => {
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }

    /// How an attempt's execution stands. Eventually consistent: a fresh one may be absent for a moment.
    pub async fn standing(&self, tenant_id: TenantId, attempt: i32) -> Result<Standing, Failure> {
        let describe = self.client.describe_execution().execution_arn(self.execution_arn(tenant_id, attempt));
        match describe.send().await {
            Ok(execution) => Ok(match execution.status() {
                ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Standing::Running,
                ExecutionStatus::Succeeded => Standing::Succeeded,
                _ => Standing::Ended,
            }),
            Err(error) if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) => {
                Ok(Standing::Absent)
            }
            Err(error) => Err(failure(&error)),
        }
    }

    fn execution_arn(&self, tenant_id: TenantId, attempt: i32) -> String {
        let arn = self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1);
        format!("{arn}:{}", names::execution(tenant_id, attempt))
    }
}

/// Step Functions did not answer, or not in the time there was.
#[must_use]
pub fn unavailable() -> Failure {
    let hint = "Step Functions cannot be reached right now; it is tried again.";
    Failure::new(FailureKind::Transient, "executions_unavailable", Owner::Platform, hint)
}

fn failure<E, R>(error: &SdkError<E, R>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    tracing::warn!(error = %DisplayErrorContext(error), "Step Functions refused or could not be reached");
    let (kind, code, hint) = match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("AccessDeniedException") => (
            FailureKind::Rejected,
            "executions_forbidden",
            "The function's role may not use the state machine; redeploy the template.",
        ),
        Some("StateMachineDoesNotExist") => {
            (FailureKind::Rejected, "state_machine_missing", "The state machine does not exist; redeploy the template.")
        }
        Some("ThrottlingException") => (
            FailureKind::RateLimited { retry_after: None },
            "executions_throttled",
            "Step Functions throttles this account; it is tried again.",
        ),
        _ => return unavailable(),
    };
    Failure::new(kind, code, Owner::Platform, hint)
}
