//! Migrates the control database during a deployment: a CloudFormation custom resource. It goes straight to the
//! instance, not through RDS Proxy, since the advisory lock and refinery's transaction are session state.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner};
use secrets::{Name, SdkConfig, Secrets};
use serde::{Deserialize, Serialize};
use store::{DatabaseConfig, Migrated};
use tracing::Instrument;

/// One call to CloudFormation's presigned address.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The resource: one per stack, and never replaced.
const PHYSICAL_ID: &str = "control-database-migrations";

/// CloudFormation's request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    #[serde(rename = "RequestType")]
    kind: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    #[serde(rename = "RequestId")]
    id: String,
    logical_resource_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

/// Our answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    status: &'a str,
    reason: String,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    data: serde_json::Value,
}

/// The migrator.
pub struct MigrateControl {
    secrets: Secrets,
}

impl MigrateControl {
    /// Built from the secrets alone.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { secrets: Secrets::new(sdk) }
    }

    /// Does what the deployment asks for and answers it: without an answer CloudFormation waits for its whole time-out.
    pub async fn serve(&self, request: Request, request_id: &str) -> Result<(), Failure> {
        let span = telemetry::request_span("migrate-control", request_id);
        self.answer(request).instrument(span).await
    }

    async fn answer(&self, request: Request) -> Result<(), Failure> {
        let outcome = match request.kind {
            RequestType::Create | RequestType::Update => self.migrate().await.map(Some),
            // The database outlives the stack.
            RequestType::Delete => Ok(None),
        };
        match &outcome {
            Ok(migrated) => tracing::info!(?migrated, "the control database is up to date"),
            Err(failure) => tracing::error!(
                code = failure.cause.code,
                hint = failure.cause.hint,
                "the control database could not be migrated"
            ),
        }
        respond(&request, outcome).await
    }

    async fn migrate(&self) -> Result<Migrated, Failure> {
        let owner: DatabaseConfig = self.secrets.read(Name::Control("database-owner")).await?;
        let application: DatabaseConfig = self.secrets.read(Name::Control("database")).await?;
        let mut client = store::connect(&owner, "ivory-migrations").await?;
        store::migrate_control(&mut client, &application.username).await
    }
}

async fn respond(request: &Request, outcome: Result<Option<Migrated>, Failure>) -> Result<(), Failure> {
    let (status, reason, data) = match outcome {
        Ok(migrated) => {
            let version = migrated.map(|m| m.version.to_string());
            ("SUCCESS", "done".to_owned(), serde_json::json!({"Version": version}))
        }
        Err(failure) => ("FAILED", failure.to_string(), serde_json::json!({})),
    };
    let response = Response {
        status,
        reason,
        physical_resource_id: PHYSICAL_ID,
        stack_id: &request.stack_id,
        request_id: &request.id,
        logical_resource_id: &request.logical_resource_id,
        data,
    };
    let body = serde_json::to_vec(&response).unwrap_or_default();
    // The presigned address allows no content type.
    let put = http_kit::client(RESPONSE_TIMEOUT).put(&request.response_url).body(body);
    let answer = http_kit::send(put).await.map_err(|error| error.failure("cloudformation"))?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(Failure::new(
            FailureKind::Rejected,
            "cloudformation_rejected",
            Owner::Platform,
            "CloudFormation did not take the answer; the deployment will time out.",
        ))
    }
}
