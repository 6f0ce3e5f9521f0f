//! Step Functions: each attempt of a tenant, and each of its purge, has one execution name, so starting it twice starts it once.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::operation::stop_execution::StopExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use domain::{Caught, CauseCode, Failure, Run, TenantId, names};
use futures_util::future::BoxFuture;
use lambda_kit::{AwsResource, Declaration, Misconfigured, Need, Platform, settings};
use store::{Machine, Purge, Tenant};

settings! {
    /// The address of the pipeline.
    struct PipelineSettings {
        state_machine_arn: String = "STATE_MACHINE_ARN",
    }
}

settings! {
    /// The address of the state machine of purges.
    struct PurgeSettings {
        state_machine_arn: String = "PURGE_STATE_MACHINE_ARN",
    }
}

/// The execution of one attempt of a tenant's pipeline, or of its purge.
#[derive(Debug)]
pub struct Execution<'a> {
    executions: &'a Executions,
    name: String,
    pub(crate) machine: Machine,
    pub(crate) run: Run,
}

/// The status of an attempt's execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunStatus {
    /// There is no execution of that name.
    Absent,
    /// It is running.
    Running,
    /// It succeeded, failed, was stopped or timed out.
    Ended {
        /// The error of its step, if it failed.
        by: Option<Caught>,
    },
}

/// May start executions and ask for their status.
#[derive(Clone, Debug)]
pub struct Runs(Executions);

/// May stop executions.
#[derive(Clone, Debug)]
pub struct StopRuns(Executions);

/// May start executions of purges and ask for their status.
#[derive(Clone, Debug)]
pub struct Purges(Executions);

#[derive(Clone, Debug)]
struct Executions {
    client: Client,
    state_machine_arn: String,
}

impl Executions {
    fn of(state_machine_arn: String, platform: &Platform) -> Self {
        Self { client: Client::new(platform.sdk()), state_machine_arn }
    }

    fn of_pipeline(platform: &Platform) -> Result<Self, Misconfigured> {
        let PipelineSettings { state_machine_arn } = Need::open(platform)?;
        Ok(Self::of(state_machine_arn, platform))
    }

    fn execution_arn(&self, name: &str) -> String {
        let arn = self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1);
        format!("{arn}:{name}")
    }
}

impl Need for Runs {
    fn declare(declaration: &mut Declaration) {
        PipelineSettings::declare(declaration);
        declaration.grant("states:StartExecution", AwsResource::StateMachine);
        declaration.grant("states:DescribeExecution", AwsResource::Executions);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Executions::of_pipeline(platform).map(Self)
    }
}

impl Need for StopRuns {
    fn declare(declaration: &mut Declaration) {
        PipelineSettings::declare(declaration);
        declaration.grant("states:StopExecution", AwsResource::Executions);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Executions::of_pipeline(platform).map(Self)
    }
}

impl Need for Purges {
    fn declare(declaration: &mut Declaration) {
        PurgeSettings::declare(declaration);
        declaration.grant("states:StartExecution", AwsResource::PurgeStateMachine);
        declaration.grant("states:DescribeExecution", AwsResource::PurgeExecutions);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let PurgeSettings { state_machine_arn } = Need::open(platform)?;
        Ok(Self(Executions::of(state_machine_arn, platform)))
    }
}

impl Runs {
    /// That of a tenant's current attempt.
    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> Execution<'_> {
        let name = names::execution(tenant.tenant_id, tenant.attempt);
        Execution { executions: &self.0, name, machine: Machine::Pipeline, run: tenant.run() }
    }
}

impl Purges {
    /// That of a purge's current attempt.
    #[must_use]
    pub fn of(&self, purge: &Purge) -> Execution<'_> {
        let name = names::purge_execution(purge.tenant_id, purge.attempt);
        Execution { executions: &self.0, name, machine: Machine::Purge, run: purge.run() }
    }
}

impl Execution<'_> {
    /// Starts it. If it was started already, nothing changes: Step Functions answers a repeated request with the same
    /// execution while it runs, and with `ExecutionAlreadyExists` afterwards.
    // Boxed, as the next two: compiled in this crate only, not in each one that awaits it.
    pub(crate) fn start(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let Executions { client, state_machine_arn } = self.executions;
            let input = serde_json::to_string(&self.run).unwrap_or_default();
            let start = client.start_execution().state_machine_arn(state_machine_arn).name(&self.name).input(input);
            match start.send().await {
                Ok(_) => Ok(()),
                Err(error)
                    if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) =>
                {
                    Ok(())
                }
                Err(error) => Err(failure(&error)),
            }
        })
    }

    /// Its status, which is eventually consistent: a new execution may be absent for a moment.
    pub(crate) fn status(&self) -> BoxFuture<'_, Result<RunStatus, Failure>> {
        Box::pin(async move {
            let arn = self.executions.execution_arn(&self.name);
            match self.executions.client.describe_execution().execution_arn(arn).send().await {
                Ok(execution) => Ok(match execution.status() {
                    ExecutionStatus::Running | ExecutionStatus::PendingRedrive => RunStatus::Running,
                    ExecutionStatus::Failed => RunStatus::Ended {
                        by: execution.error().map(|error| Caught {
                            error: error.to_owned(),
                            cause: execution.cause().unwrap_or_default().to_owned(),
                        }),
                    },
                    _ => RunStatus::Ended { by: None },
                }),
                Err(error)
                    if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) =>
                {
                    Ok(RunStatus::Absent)
                }
                Err(error) => Err(failure(&error)),
            }
        })
    }
}

impl StopRuns {
    /// Stops an attempt's execution. It is a success if the execution does not exist or has ended.
    #[must_use]
    pub fn stop(&self, tenant_id: TenantId, attempt: i32) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let stop = self
                .0
                .client
                .stop_execution()
                .execution_arn(self.0.execution_arn(&names::execution(tenant_id, attempt)));
            match stop.cause("The tenant was deactivated.").send().await {
                Ok(_) => Ok(()),
                Err(error) if error.as_service_error().is_some_and(StopExecutionError::is_execution_does_not_exist) => {
                    Ok(())
                }
                Err(error) => Err(failure(&error)),
            }
        })
    }
}

fn failure<E, R>(error: &SdkError<E, R>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    tracing::warn!(error = %DisplayErrorContext(error), "Step Functions refused or could not be reached");
    let code = match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("AccessDeniedException") => CauseCode::ExecutionsForbidden,
        Some("StateMachineDoesNotExist") => CauseCode::StateMachineMissing,
        Some("ThrottlingException") => CauseCode::ExecutionsThrottled,
        _ => CauseCode::ExecutionsUnavailable,
    };
    code.into()
}
