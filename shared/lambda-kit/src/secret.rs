//! Secrets Manager: handles for the secrets that a function declares.
//!
//! A secret that is missing, empty or of another shape is a named failure whose hint says which secret it is. Its name is
//! public; its value is never repeated.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::{CauseCode, Failure};
use secrets::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::need::{Declaration, Need, Resource};
use crate::{Misconfigured, Platform};

const GET: &str = "secretsmanager:GetSecretValue";
const CREATE: &str = "secretsmanager:CreateSecret";
const PUT: &str = "secretsmanager:PutSecretValue";

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

/// A future value of a secret.
type Reading<S> = Pin<Box<dyn Future<Output = Result<S, Failure>> + Send>>;

/// May read secrets of one kind. Every call reads anew.
pub struct Read<S: Secret> {
    source: Arc<dyn Fn(S::Key) -> Reading<S> + Send + Sync>,
}

impl<S: Secret> Clone for Read<S> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source) }
    }
}

impl<S: Secret> Read<S> {
    /// Reads from somewhere else than Secrets Manager.
    pub fn from_fn<F: Future<Output = Result<S, Failure>> + Send + 'static>(
        source: impl Fn(S::Key) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { source: Arc::new(move |key| Box::pin(source(key))) }
    }

    /// The current value of one secret.
    pub async fn read_of(&self, key: S::Key) -> Result<S, Failure> {
        (self.source)(key).await
    }
}

impl<S: Secret<Key = ()>> Read<S> {
    /// The current value.
    pub async fn read(&self) -> Result<S, Failure> {
        self.read_of(()).await
    }
}

impl<S: Secret> Need for Read<S> {
    fn declare(declaration: &mut Declaration) {
        declaration.grant(GET, Resource::Secrets(S::NAMES));
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let manager = platform.manager().clone();
        Ok(Self::from_fn(move |key| {
            let (manager, name) = (manager.clone(), S::name(&key));
            async move { manager.get(&name, None).await }
        }))
    }
}

/// May create secrets of one kind.
pub struct Create<S> {
    manager: Manager,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret + Serialize> Create<S> {
    /// Creates a secret unless it is there already. Either way the value to use is the one that is read back.
    pub async fn create_once(&self, key: S::Key, value: &S) -> Result<(), Failure> {
        self.manager.create(&S::name(&key), &json(value)?).await.map(drop)
    }
}

impl<S: Secret> Need for Create<S> {
    fn declare(declaration: &mut Declaration) {
        declaration.grant(CREATE, Resource::Secrets(S::NAMES));
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), kind: PhantomData })
    }
}

/// May put new values into secrets of one kind.
pub struct Write<S> {
    manager: Manager,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret + Serialize> Write<S> {
    /// Puts a new value.
    pub async fn put(&self, key: S::Key, value: &S) -> Result<(), Failure> {
        let name = S::name(&key);
        self.manager.put(&name, &json(value)?).await?.map(drop).ok_or_else(|| self.manager.missing(&name))
    }
}

impl<S: Secret> Need for Write<S> {
    fn declare(declaration: &mut Declaration) {
        declaration.grant(PUT, Resource::Secrets(S::NAMES));
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), kind: PhantomData })
    }
}

/// May read, create and write secrets of one kind, version by version.
pub struct Versions<S> {
    manager: Manager,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret + Serialize> Versions<S> {
    /// The value of one version.
    pub async fn read(&self, key: S::Key, version: &str) -> Result<S, Failure> {
        self.manager.get(&S::name(&key), Some(version)).await
    }

    /// Puts a new version and returns its id. The secret is created if it is not there yet.
    pub async fn put(&self, key: S::Key, value: &S) -> Result<VersionId, Failure> {
        let (name, json) = (S::name(&key), json(value)?);
        if let Some(version) = self.manager.put(&name, &json).await? {
            return Ok(version);
        }
        match self.manager.create(&name, &json).await? {
            Some(version) => Ok(version),
            // Somebody else created it meanwhile.
            None => self.manager.put(&name, &json).await?.ok_or_else(|| unavailable(&name)),
        }
    }
}

impl<S: Secret> Need for Versions<S> {
    fn declare(declaration: &mut Declaration) {
        for action in [GET, CREATE, PUT] {
            declaration.grant(action, Resource::Secrets(S::NAMES));
        }
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), kind: PhantomData })
    }
}

/// Secrets Manager, below the installation's prefix.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    client: Client,
    prefix: Arc<str>,
}

impl Manager {
    pub(crate) fn new(client: Client, prefix: String) -> Self {
        Self { client, prefix: prefix.into() }
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    async fn get<S: DeserializeOwned>(&self, name: &str, version: Option<&str>) -> Result<S, Failure> {
        let name = self.full(name);
        let get = self.client.get_secret_value().secret_id(&name).set_version_id(version.map(str::to_owned));
        let answer = get.send().await.map_err(|error| failure(&name, &error))?;
        let value = answer.secret_string().unwrap_or_default();
        serde_json::from_str(value).map_err(|_| Failure::with_detail(CauseCode::SecretMalformed, name))
    }

    /// The first version of a new secret; `None` where the secret is there already.
    async fn create(&self, name: &str, json: &str) -> Result<Option<VersionId>, Failure> {
        let name = self.full(name);
        match self.client.create_secret().name(&name).secret_string(json).send().await {
            Ok(created) => version(&name, created.version_id).map(Some),
            Err(error) if error.as_service_error().is_some_and(CreateSecretError::is_resource_exists_exception) => {
                Ok(None)
            }
            Err(error) => Err(failure(&name, &error)),
        }
    }

    /// The new version; `None` where there is no such secret.
    async fn put(&self, name: &str, json: &str) -> Result<Option<VersionId>, Failure> {
        let name = self.full(name);
        match self.client.put_secret_value().secret_id(&name).secret_string(json).send().await {
            Ok(put) => version(&name, put.version_id).map(Some),
            Err(error)
                if error.as_service_error().is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(failure(&name, &error)),
        }
    }

    fn missing(&self, name: &str) -> Failure {
        Failure::with_detail(CauseCode::SecretMissing, self.full(name))
    }
}

fn version(name: &str, id: Option<String>) -> Result<VersionId, Failure> {
    id.map(VersionId).ok_or_else(|| unavailable(name))
}

/// An answer that Secrets Manager's documentation does not describe.
fn unavailable(name: &str) -> Failure {
    tracing::warn!(secret = name, "Secrets Manager gave an answer that makes no sense");
    CauseCode::SecretsUnavailable.into()
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|_| CauseCode::SecretUnwritable.into())
}

/// Names what Secrets Manager answered. The SDK's own text is dropped: it may quote an answer, and an answer is a secret.
fn failure<E: ProvideErrorMetadata, R>(name: &str, error: &SdkError<E, R>) -> Failure {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    tracing::warn!(secret = name, code, "Secrets Manager refused or could not be reached");
    match code {
        Some("ResourceNotFoundException") => Failure::with_detail(CauseCode::SecretMissing, name),
        Some("AccessDeniedException") => Failure::with_detail(CauseCode::SecretForbidden, name),
        Some("InvalidRequestException") => Failure::with_detail(CauseCode::SecretBeingDeleted, name),
        Some("ThrottlingException") => CauseCode::SecretsThrottled.into(),
        _ => CauseCode::SecretsUnavailable.into(),
    }
}
