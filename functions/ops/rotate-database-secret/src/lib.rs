//! Rotates the passwords with which the functions use the control database, when Secrets Manager asks for it.
//!
//! Two users take turns, such as `ivory_app` and `ivory_app_2`. A function that has read the secret before a rotation
//! can log in with what it read until the next one. Behind RDS Proxy it cannot, since the proxy knows the secret's
//! current user only: then it reads the secret again.

use domain::{CauseCode, Failure};
use lambda_kit::operation::Operation;
use lambda_kit::{Read, ReadMaster, Rotate, needs};
use rand::distr::{Alphanumeric, SampleString as _};
use secrets::{DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret, Secret};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{ControlDeployment, Login, Patience, Rights};

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
    /// The rotation of `control/database` and `control/database-read`.
    pub struct RotateDatabaseSecret {
        application: Rotate<DatabaseSecret>,
        reader: Rotate<DatabaseReadSecret>,
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

    /// It was said above.
    fn failed(_: &lambda_runtime::Error) {}
}

impl RotateDatabaseSecret {
    async fn rotate(&self, request: &Request) -> Result<(), Failure> {
        let id = request.secret_id.as_str();
        if self.application.is(id) {
            self.turn(&self.application, Rights::Write, |user| user).step(request).await
        } else if self.reader.is(id) {
            self.turn(&self.reader, Rights::Read, |DatabaseReadSecret(user)| user).step(request).await
        } else {
            Err(Failure::with_detail(CauseCode::SecretNotRotated, id))
        }
    }

    const fn turn<'a, S>(
        &'a self,
        secret: &'a Rotate<S>,
        rights: Rights,
        user: fn(S) -> DatabaseSecret,
    ) -> Turn<'a, S> {
        Turn { secret, rights, user, owner: &self.owner, master: &self.master }
    }
}

/// The rotation of one secret.
struct Turn<'a, S> {
    secret: &'a Rotate<S>,
    rights: Rights,
    user: fn(S) -> DatabaseSecret,
    owner: &'a Read<DatabaseOwnerSecret>,
    master: &'a ReadMaster,
}

impl<S: Secret<Key = ()>> Turn<'_, S> {
    async fn step(&self, request: &Request) -> Result<(), Failure> {
        let version = request.client_request_token.as_str();
        if self.secret.is_current(version).await? {
            return Ok(());
        }
        match request.step {
            Step::Create => self.propose(version).await,
            Step::Set => self.deployment_of(version).await?.run(Patience::of_deployment()).await.map(drop),
            Step::Test => self.deployment_of(version).await?.try_out().await,
            Step::Finish => {
                // Nothing becomes current that does not work, whoever asks for it.
                self.deployment_of(version).await?.try_out().await?;
                self.secret.promote(version).await
            }
        }
    }

    /// The other user with a new password. A version that is there already may have been given to the database.
    async fn propose(&self, version: &str) -> Result<(), Failure> {
        if self.secret.pending(version).await?.is_some() {
            return Ok(());
        }
        let current = (self.user)(self.secret.current().await?);
        let username = other_user(&current.username);
        let username = username.ok_or_else(|| Failure::with_detail(CauseCode::SecretMalformed, S::NAMES))?;
        let password = Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH);
        let fields = [("username", username), ("password", password)];
        let fields: Map<String, Value> =
            fields.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
        self.secret.propose(version, fields).await
    }

    /// What makes the proposed user, and tries it out. That is done at the instance: RDS Proxy does not know the user yet.
    async fn deployment_of(&self, version: &str) -> Result<ControlDeployment, Failure> {
        let pending = self.secret.pending(version).await?;
        let pending = pending.ok_or_else(|| Failure::with_detail(CauseCode::SecretMissing, S::NAMES))?;
        let DatabaseOwnerSecret(owner) = self.owner.read().await?;
        let logins = vec![Login { user: (self.user)(pending), rights: self.rights }];
        Ok(ControlDeployment { owner, logins, master: self.master.clone() })
    }
}

/// The user whose turn it is after this one, if Postgres would not cut its name.
fn other_user(user: &str) -> Option<String> {
    let other = user.strip_suffix(SECOND).map_or_else(|| format!("{user}{SECOND}"), str::to_owned);
    Some(other).filter(|other| !other.is_empty() && other.len() <= LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_users_take_turns() {
        assert_eq!(other_user("ivory_app").as_deref(), Some("ivory_app_2"));
        assert_eq!(other_user("ivory_app_2").as_deref(), Some("ivory_app"));
    }

    #[test]
    fn a_name_that_postgres_would_cut_is_none() {
        assert!(other_user(&"u".repeat(61)).is_some());
        for name in ["u".repeat(62).as_str(), "_2"] {
            assert_eq!(other_user(name), None, "{name}");
        }
    }
}
