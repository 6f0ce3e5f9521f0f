//! Prepares and migrates the control database during a deployment, as a CloudFormation custom resource. It connects to the
//! database's instance and not to RDS Proxy, since the advisory lock and refinery's transaction are state of a session.

use std::time::Duration;

use domain::{CauseCode, Failure};
use http_kit::TransportCodes;
use lambda_kit::operation::Operation;
use lambda_kit::{Read, ReadMaster, needs};
use secrets::{DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret};
use serde::{Deserialize, Serialize};
use store::{ControlDeployment, Login, Migrated, Patience, Rights};

/// One call to CloudFormation's presigned address.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// There is one such resource per stack, and it is never replaced.
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

/// The answer.
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

/// The codes of a call to CloudFormation that was not answered.
const CODES: TransportCodes = TransportCodes {
    unreachable: CauseCode::CloudFormationUnreachable,
    untrusted: CauseCode::CloudFormationUntrusted,
    timeout: CauseCode::CloudFormationTimeout,
    connection_lost: CauseCode::CloudFormationConnectionLost,
    answer_too_large: CauseCode::CloudFormationAnswerTooLarge,
    bad_configuration: CauseCode::CloudFormationBadConfiguration,
};

needs! {
    /// The migrator.
    pub struct MigrateControl {
        owner: Read<DatabaseOwnerSecret>,
        application: Read<DatabaseSecret>,
        reader: Read<DatabaseReadSecret>,
        master: ReadMaster,
    }
}

impl Operation for MigrateControl {
    const NAME: &'static str = "migrate-control";
    type Event = Request;
    type Answer = ();
    type Error = lambda_runtime::Error;

    /// Does what the deployment asks for and answers it. Without an answer CloudFormation waits until it times out.
    async fn invoke(&self, request: Request, _: &str) -> Result<(), lambda_runtime::Error> {
        let outcome = match request.kind {
            RequestType::Create | RequestType::Update => self.migrate().await.map(Some),
            // The database outlives the stack.
            RequestType::Delete => Ok(None),
        };
        match &outcome {
            Ok(migrated) => tracing::info!(?migrated, "the control database is up to date"),
            Err(failure) => tracing::error!(
                code = failure.code().as_str(),
                hint = failure.hint(),
                "the control database could not be migrated"
            ),
        }
        Ok(respond(&request, outcome).await?)
    }
}

impl MigrateControl {
    async fn migrate(&self) -> Result<Migrated, Failure> {
        let patience = Patience::of_deployment();
        let DatabaseOwnerSecret(owner) = self.owner.read().await?;
        let DatabaseReadSecret(reader) = self.reader.read().await?;
        let logins = vec![
            Login { user: self.application.read().await?, rights: Rights::Write },
            Login { user: reader, rights: Rights::Read },
        ];
        ControlDeployment { owner, logins, master: self.master.clone() }.run(patience).await
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
    let answer = http_kit::send(put).await.map_err(|error| error.failure(&CODES))?;
    if answer.status.is_success() { Ok(()) } else { Err(CauseCode::CloudFormationRejected.into()) }
}
