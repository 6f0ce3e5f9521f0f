//! Rotates the password with which the functions use the control database, when Secrets Manager asks for it.
//!
//! Two users take turns, such as `ivory_app` and `ivory_app_2`. A function that has read the secret before a rotation
//! can log in with what it read until the next one. Behind RDS Proxy it cannot, since the proxy knows the secret's
//! current user only: then it reads the secret again.

use domain::{CauseCode, Failure};
use lambda_kit::operation::Operation;
use lambda_kit::{Read, ReadMaster, Rotate, needs};
use rand::distr::{Alphanumeric, SampleString as _};
use secrets::{DatabaseOwnerSecret, DatabaseSecret, Secret as _};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{ControlDeployment, Patience};

/// About 238 bits, of characters that need no quoting in a URL or a connection string.
const PASSWORD_LENGTH: usize = 40;
/// What the name of the second user ends with.
const SECOND: &str = "_2";
/// Postgres cuts longer names of roles.
const LONGEST_NAME: usize = 63;

/// What Secrets Manager sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    step: Step,
    /// The secret's ARN.
    secret_id: String,
    /// The version that the rotation makes.
    client_request_token: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

needs! {
    /// The rotation of `control/database`.
    pub struct RotateDatabaseSecret {
        application: Rotate<DatabaseSecret>,
        owner: Read<DatabaseOwnerSecret>,
        master: ReadMaster,
    }
}

impl Operation for RotateDatabaseSecret {
    const NAME: &'static str = "rotate-database-secret";
    type Event = Request;
    type Answer = ();
    type Error = lambda_runtime::Error;

    /// Does one step of a rotation. Each may be repeated. A step that fails ends the rotation; the secret keeps its value.
    async fn invoke(&self, request: Request, _: &str) -> Result<(), lambda_runtime::Error> {
        let done = self.rotate(&request).await;
        match &done {
            Ok(()) => tracing::info!(step = ?request.step, "a step of the rotation is done"),
            Err(failure) => tracing::error!(
                step = ?request.step,
                code = failure.code().as_str(),
                hint = failure.hint(),
                "the password of the control database could not be rotated"
            ),
        }
        Ok(done?)
    }
}

impl RotateDatabaseSecret {
    async fn rotate(&self, request: &Request) -> Result<(), Failure> {
        if !self.application.is(&request.secret_id) {
            return Err(Failure::with_detail(CauseCode::SecretNotRotated, request.secret_id.as_str()));
        }
        let version = request.client_request_token.as_str();
        if self.application.is_current(version).await? {
            return Ok(());
        }
        match request.step {
            Step::Create => self.propose(version).await,
            Step::Set => self.deployment_of(version).await?.run(Patience::of_deployment()).await.map(drop),
            Step::Test => self.try_out(version).await,
            Step::Finish => {
                // Nothing becomes current that does not work, whoever asks for it.
                self.try_out(version).await?;
                self.application.promote(version).await
            }
        }
    }

    /// The other user with a new password. A version that is there already may have been given to the database.
    async fn propose(&self, version: &str) -> Result<(), Failure> {
        if self.application.pending(version).await?.is_some() {
            return Ok(());
        }
        let current = self.application.current().await?;
        let username = other_user(&current.username)?;
        let password = Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH);
        let fields = [("username", username), ("password", password)];
        let fields: Map<String, Value> =
            fields.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
        self.application.propose(version, fields).await
    }

    /// The user logs in at the instance: RDS Proxy does not know it yet.
    async fn try_out(&self, version: &str) -> Result<(), Failure> {
        self.deployment_of(version).await?.try_application().await
    }

    async fn deployment_of(&self, version: &str) -> Result<ControlDeployment, Failure> {
        let pending = self.application.pending(version).await?;
        let application =
            pending.ok_or_else(|| Failure::with_detail(CauseCode::SecretMissing, DatabaseSecret::NAMES))?;
        let DatabaseOwnerSecret(owner) = self.owner.read().await?;
        Ok(ControlDeployment { owner, application, master: self.master.clone() })
    }
}

/// The user whose turn it is after this one.
fn other_user(user: &str) -> Result<String, Failure> {
    let other = user.strip_suffix(SECOND).map_or_else(|| format!("{user}{SECOND}"), str::to_owned);
    if other.is_empty() || other.len() > LONGEST_NAME {
        return Err(Failure::with_detail(CauseCode::SecretMalformed, DatabaseSecret::NAMES));
    }
    Ok(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_users_take_turns() {
        assert_eq!(other_user("ivory_app").unwrap(), "ivory_app_2");
        assert_eq!(other_user("ivory_app_2").unwrap(), "ivory_app");
    }

    #[test]
    fn a_name_that_postgres_would_cut_is_refused() {
        assert!(other_user(&"u".repeat(61)).is_ok());
        assert_eq!(other_user(&"u".repeat(62)).unwrap_err().code(), CauseCode::SecretMalformed);
        assert_eq!(other_user("_2").unwrap_err().code(), CauseCode::SecretMalformed);
    }
}
