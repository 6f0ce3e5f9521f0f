//! Secrets Manager, and the meaning of its refusals.

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::{CauseCode, Failure};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tls::distrust;
use tracing::field::display;
use zeroize::Zeroizing;

use crate::aws::Sdk;

/// The identifier of a secret's version. It is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionId(pub String);

impl VersionId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long a secret that is to be deleted can be restored: the longest time that Secrets Manager allows.
const RECOVERY_DAYS: i64 = 30;

/// What became of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretEnd {
    /// It is there.
    There,
    /// Nobody can read it, and from that time on it is deleted.
    Scheduled(SystemTime),
    /// There is no such secret.
    Gone,
}

/// A call of Secrets Manager. It is boxed, because Rust compiles what an `async fn` awaits in each crate that awaits it,
/// and the SDK's part is 100 kB.
pub(crate) type Call<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// Secrets Manager, below the installation's prefix.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    sdk: Sdk,
    client: Arc<OnceLock<Client>>,
    prefix: Arc<str>,
}

impl Manager {
    pub(crate) fn new(sdk: Sdk, prefix: &str) -> Self {
        Self { sdk, client: Arc::default(), prefix: prefix.into() }
    }

    /// The first part of every secret's name.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Made when it is first used.
    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(self.sdk.config()))
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// The current value, and its version.
    pub(crate) async fn current<S: DeserializeOwned>(&self, name: &str) -> Result<(S, Option<VersionId>), Failure> {
        self.get(name, None).await
    }

    /// The value of one version.
    pub(crate) async fn version<S: DeserializeOwned>(&self, name: &str, version: &str) -> Result<S, Failure> {
        Ok(self.get(name, Some(version)).await?.0)
    }

    /// The value of one version, or the current one, and which version it is.
    pub(crate) async fn get<S: DeserializeOwned>(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<(S, Option<VersionId>), Failure> {
        self.get_outside(&self.full(name), version).await
    }

    /// The value of one version, if it is at this stage.
    pub(crate) async fn staged<S: DeserializeOwned>(
        &self,
        name: &str,
        version: &str,
        stage: Stage,
    ) -> Result<S, Failure> {
        let name = self.full(name);
        let get = self.client().get_secret_value().secret_id(&name).version_id(version).version_stage(stage.label());
        parsed(&name, &value(&name, get).await?.0)
    }

    /// A secret that is not below the prefix, by its full name or ARN.
    pub(crate) async fn get_outside<S: DeserializeOwned>(
        &self,
        id: &str,
        version: Option<&str>,
    ) -> Result<(S, Option<VersionId>), Failure> {
        let get = self.client().get_secret_value().secret_id(id).set_version_id(version.map(str::to_owned));
        let (value, version) = value(id, get).await?;
        Ok((parsed(id, &value)?, version))
    }

    /// Creates a secret and returns its first version; `None` if the secret exists already. Without a key it is encrypted
    /// with the account's.
    pub(crate) fn create<'a>(
        &'a self,
        name: &'a str,
        json: &'a str,
        key: Option<&'a str>,
    ) -> Call<'a, Option<VersionId>> {
        Box::pin(async move {
            let name = self.full(name);
            let create =
                self.client().create_secret().name(&name).secret_string(json).set_kms_key_id(key.map(str::to_owned));
            match create.send().await {
                Ok(created) => version(&name, created.version_id).map(Some),
                Err(error) if error.as_service_error().is_some_and(CreateSecretError::is_resource_exists_exception) => {
                    Ok(None)
                }
                Err(error) => Err(failure(&name, &error)),
            }
        })
    }

    /// Puts a new version; `None` if the secret does not exist.
    pub(crate) fn put<'a>(&'a self, name: &'a str, json: &'a str) -> Call<'a, Option<VersionId>> {
        Box::pin(async move {
            let name = self.full(name);
            match self.client().put_secret_value().secret_id(&name).secret_string(json).send().await {
                Ok(put) => version(&name, put.version_id).map(Some),
                Err(error)
                    if error.as_service_error().is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
                {
                    Ok(None)
                }
                Err(error) => Err(failure(&name, &error)),
            }
        })
    }

    /// Puts a version that is not current yet. The same version may be put again with the same value only.
    pub(crate) fn put_pending<'a>(&'a self, name: &'a str, version: &'a str, json: &'a str) -> Call<'a, ()> {
        Box::pin(async move {
            let name = self.full(name);
            let put =
                self.client().put_secret_value().secret_id(&name).client_request_token(version).secret_string(json);
            let put = put.version_stages(Stage::Pending.label());
            put.send().await.map(drop).map_err(|error| failure(&name, &error))
        })
    }

    /// Makes a version the current one in the place of another.
    pub(crate) fn make_current<'a>(
        &'a self,
        name: &'a str,
        version: &'a str,
        instead_of: Option<&'a VersionId>,
    ) -> Call<'a, ()> {
        Box::pin(async move {
            let name = self.full(name);
            let moving =
                self.client().update_secret_version_stage().secret_id(&name).version_stage(Stage::Current.label());
            let moving = moving.move_to_version_id(version);
            let moving = moving.set_remove_from_version_id(instead_of.map(|version| version.0.clone()));
            moving.send().await.map(drop).map_err(|error| failure(&name, &error))
        })
    }

    /// Whether an ARN or a full name is that of this secret. Secrets Manager ends an ARN with six characters of its own.
    pub(crate) fn is(&self, id: &str, name: &str) -> bool {
        let full = self.full(name);
        let named = id.split_once(":secret:").map_or(Some(id), |(_, named)| {
            named.rsplit_once('-').filter(|(_, own)| own.len() == 6).map(|(named, _)| named)
        });
        named == Some(full.as_str())
    }

    /// Schedules the end of a secret. It is a success if that was done before, or if there is no such secret.
    pub(crate) fn schedule_deletion<'a>(&'a self, name: &'a str) -> Call<'a, ()> {
        Box::pin(async move {
            let name = self.full(name);
            match self.client().delete_secret().secret_id(&name).recovery_window_in_days(RECOVERY_DAYS).send().await {
                Ok(_) => Ok(()),
                Err(error) => match error.as_service_error().and_then(ProvideErrorMetadata::code) {
                    // The second one: it is scheduled. Whether that is so, its description says.
                    Some("ResourceNotFoundException" | "InvalidRequestException") => Ok(()),
                    _ => Err(failure(&name, &error)),
                },
            }
        })
    }

    /// What became of a secret.
    pub(crate) fn end_of<'a>(&'a self, name: &'a str) -> Call<'a, SecretEnd> {
        Box::pin(async move {
            let name = self.full(name);
            match self.client().describe_secret().secret_id(&name).send().await {
                Ok(described) => Ok(described.deleted_date.map_or(SecretEnd::There, |date| {
                    let seconds = u64::try_from(date.secs()).unwrap_or_default();
                    SecretEnd::Scheduled(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
                })),
                Err(error)
                    if error.as_service_error().is_some_and(DescribeSecretError::is_resource_not_found_exception) =>
                {
                    Ok(SecretEnd::Gone)
                }
                Err(error) => Err(failure(&name, &error)),
            }
        })
    }

    pub(crate) fn missing(&self, name: &str) -> Failure {
        Failure::with_detail(CauseCode::SecretMissing, self.full(name))
    }
}

/// A version's stage, as Secrets Manager labels it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Current,
    Pending,
}

impl Stage {
    const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
        }
    }
}

/// A secret's value, and its version.
fn value(id: &str, get: GetSecretValueFluentBuilder) -> Call<'_, (Zeroizing<String>, Option<VersionId>)> {
    Box::pin(async move {
        let answer = get.send().await.map_err(|error| failure(id, &error))?;
        Ok((Zeroizing::new(answer.secret_string.unwrap_or_default()), answer.version_id.map(VersionId)))
    })
}

fn parsed<S: DeserializeOwned>(id: &str, value: &str) -> Result<S, Failure> {
    serde_json::from_str(value).map_err(|_| Failure::with_detail(CauseCode::SecretMalformed, id))
}

fn version(name: &str, id: Option<String>) -> Result<VersionId, Failure> {
    id.map(VersionId).ok_or_else(|| unavailable(name))
}

/// An answer that Secrets Manager's documentation does not describe.
pub(crate) fn unavailable(name: &str) -> Failure {
    tracing::warn!(secret = name, "Secrets Manager gave an undocumented answer");
    CauseCode::SecretsUnavailable.into()
}

/// Logs the error code of Secrets Manager, or who was there instead. The SDK's text is dropped, because it may quote an
/// answer, which contains a secret.
fn failure<E: ProvideErrorMetadata + Error + 'static, R: Debug + 'static>(
    name: &str,
    error: &SdkError<E, R>,
) -> Failure {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let distrust = distrust(error).map(display);
    tracing::warn!(secret = name, code, distrust, "Secrets Manager refused or could not be reached");
    match code {
        Some("ResourceNotFoundException") => Failure::with_detail(CauseCode::SecretMissing, name),
        Some("AccessDeniedException") => Failure::with_detail(CauseCode::SecretForbidden, name),
        Some("InvalidRequestException") => Failure::with_detail(CauseCode::SecretBeingDeleted, name),
        Some("EncryptionFailure" | "DecryptionFailure") => Failure::with_detail(CauseCode::SecretKeyUnusable, name),
        Some("ThrottlingException") => CauseCode::SecretsThrottled.into(),
        _ => CauseCode::SecretsUnavailable.into(),
    }
}
