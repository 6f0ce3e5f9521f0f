//! Secrets Manager: handles for the secrets that a function declares.
//!
//! If a secret is missing, empty or of another shape, the failure's hint names the secret. A secret's name is public.
//! Its value is never shown.

use std::marker::PhantomData;
use std::sync::Arc;

use domain::{CauseCode, Failure};
use secrets::{MasterSecret, Secret};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::manager::{Call, Manager, SecretEnd, VersionId, unavailable};
use crate::need::{AwsResource, Declaration, Need};
use crate::platform::Platform;
use crate::settings;
use crate::settings::Misconfigured;

pub(crate) const GET: &str = "secretsmanager:GetSecretValue";
const CREATE: &str = "secretsmanager:CreateSecret";
const DELETE: &str = "secretsmanager:DeleteSecret";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const DECRYPT: &str = "kms:Decrypt";
pub(crate) const PUT: &str = "secretsmanager:PutSecretValue";
/// Every function may decrypt with the key; to encrypt it takes a new data key, for each value.
pub(crate) const DATA_KEY: &str = "kms:GenerateDataKey";

settings! {
    /// The key of new secrets. A secret keeps the key that it was made with.
    struct SecretsKey {
        arn: String = "SECRETS_KEY_ARN" or "",
    }
}

impl SecretsKey {
    fn arn(&self) -> Option<&str> {
        Some(&*self.arn).filter(|arn| !arn.is_empty())
    }
}

/// A future value of a secret, with its version if the source has versions.
type Reading<S> = Call<'static, (S, Option<VersionId>)>;

/// Reads the current version of a secret, or this one.
type Source<S> = Arc<dyn Fn(<S as Secret>::Key, Option<String>) -> Reading<S> + Send + Sync>;

/// The right to read secrets of one kind. Every call reads the secret again.
pub struct Read<S: Secret> {
    source: Source<S>,
}

impl<S: Secret> Clone for Read<S> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source) }
    }
}

impl<S: Secret> Read<S> {
    /// A handle that reads from another source than Secrets Manager, which has no versions.
    pub fn from_fn<F: Future<Output = Result<S, Failure>> + Send + 'static>(
        source: impl Fn(S::Key) -> F + Send + Sync + 'static,
    ) -> Self {
        let unversioned = move |key, _| {
            let reading = source(key);
            Box::pin(async move { Ok((reading.await?, None)) }) as Reading<S>
        };
        Self { source: Arc::new(unversioned) }
    }

    /// The current value of one secret.
    pub async fn read_of(&self, key: S::Key) -> Result<S, Failure> {
        Ok((self.source)(key, None).await?.0)
    }

    /// The value of one version of a secret.
    pub async fn read_version_of(&self, key: S::Key, version: &str) -> Result<S, Failure> {
        Ok((self.source)(key, Some(version.to_owned())).await?.0)
    }
}

impl<S: Secret<Key = ()>> Read<S> {
    /// The current value.
    pub async fn read(&self) -> Result<S, Failure> {
        self.read_of(()).await
    }

    /// The current value, and the version that it is.
    pub async fn read_with_version(&self) -> Result<(S, Option<VersionId>), Failure> {
        (self.source)((), None).await
    }
}

impl<S: Secret> Need for Read<S> {
    fn declare(declaration: &mut Declaration) {
        declaration.grant(GET, AwsResource::Secrets(S::NAMES));
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let manager = platform.manager().clone();
        let source = move |key, version: Option<String>| {
            let (manager, name) = (manager.clone(), S::name(&key));
            Box::pin(async move { manager.get(&name, version.as_deref()).await }) as Reading<S>
        };
        Ok(Self { source: Arc::new(source) })
    }
}

/// The right to read the secret that RDS keeps of the database's master user. RDS names that secret, so the function is
/// told its ARN. Without one there is no master.
#[derive(Clone)]
pub struct ReadMaster {
    source: Option<Arc<dyn Fn() -> Reading<MasterSecret> + Send + Sync>>,
}

const MASTER_SECRET_ARN: &str = "MASTER_SECRET_ARN";

impl ReadMaster {
    /// A handle that reads from another source than Secrets Manager.
    pub fn from_fn<F: Future<Output = Result<MasterSecret, Failure>> + Send + 'static>(
        source: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        let unversioned = move || {
            let reading = source();
            Box::pin(async move { Ok((reading.await?, None)) }) as Reading<MasterSecret>
        };
        Self { source: Some(Arc::new(unversioned)) }
    }

    /// The handle of a function that is told of no master.
    #[must_use]
    pub const fn none() -> Self {
        Self { source: None }
    }

    /// Whether there is a master.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.source.is_some()
    }

    /// The current value, if there is a master.
    pub async fn read(&self) -> Result<Option<MasterSecret>, Failure> {
        match &self.source {
            Some(source) => Ok(Some(source().await?.0)),
            None => Ok(None),
        }
    }
}

impl Need for ReadMaster {
    fn declare(declaration: &mut Declaration) {
        declaration.settings.insert(MASTER_SECRET_ARN);
        declaration.grant(GET, AwsResource::MasterSecret);
        declaration.grant(DECRYPT, AwsResource::MasterSecretKey);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let arn: String = platform.settings().read(MASTER_SECRET_ARN, Some(""))?;
        if arn.is_empty() {
            return Ok(Self::none());
        }
        let manager = platform.manager().clone();
        Ok(Self::from_fn(move || {
            let (manager, arn) = (manager.clone(), arn.clone());
            async move { Ok(manager.get_outside(&arn, None).await?.0) }
        }))
    }
}

/// The right to create secrets of one kind.
pub struct Create<S> {
    manager: Manager,
    key: SecretsKey,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret + Serialize> Create<S> {
    /// Creates a secret unless it exists already. An existing secret keeps its value, so the caller has to read it back.
    pub async fn create_once(&self, key: S::Key, value: &S) -> Result<(), Failure> {
        self.manager.create(&S::name(&key), &json(value)?, self.key.arn()).await.map(drop)
    }
}

impl<S: Secret> Need for Create<S> {
    fn declare(declaration: &mut Declaration) {
        declaration.grant(CREATE, AwsResource::Secrets(S::NAMES));
        declaration.grant(DATA_KEY, AwsResource::SecretsKey(S::NAMES));
        SecretsKey::declare(declaration);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), key: SecretsKey::open(platform)?, kind: PhantomData })
    }
}

/// The right to put new values into secrets of one kind.
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
        declaration.grant(PUT, AwsResource::Secrets(S::NAMES));
        declaration.grant(DATA_KEY, AwsResource::SecretsKey(S::NAMES));
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), kind: PhantomData })
    }
}

/// The right to end secrets of one kind. Secrets Manager keeps them for a while, during which they can be restored.
pub struct Discard<S> {
    manager: Manager,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret> Discard<S> {
    /// Schedules the end of a secret. It is a success if that was done before, or if there is no such secret.
    pub async fn schedule(&self, key: &S::Key) -> Result<(), Failure> {
        self.manager.schedule_deletion(&S::name(key)).await
    }

    /// What became of a secret.
    pub async fn end_of(&self, key: &S::Key) -> Result<SecretEnd, Failure> {
        self.manager.end_of(&S::name(key)).await
    }
}

impl<S: Secret> Need for Discard<S> {
    fn declare(declaration: &mut Declaration) {
        for action in [DELETE, DESCRIBE] {
            declaration.grant(action, AwsResource::Secrets(S::NAMES));
        }
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), kind: PhantomData })
    }
}

/// The right to read, create and write secrets of one kind, version by version.
pub struct Versions<S> {
    manager: Manager,
    key: SecretsKey,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret + Serialize> Versions<S> {
    /// The value of one version.
    pub async fn read(&self, key: S::Key, version: &str) -> Result<S, Failure> {
        self.manager.version(&S::name(&key), version).await
    }

    /// Puts a new version and returns its id. If the secret does not exist yet, it is created.
    pub async fn put(&self, key: S::Key, value: &S) -> Result<VersionId, Failure> {
        let (name, json) = (S::name(&key), json(value)?);
        if let Some(version) = self.manager.put(&name, &json).await? {
            return Ok(version);
        }
        match self.manager.create(&name, &json, self.key.arn()).await? {
            Some(version) => Ok(version),
            // Another process created it at the same time.
            None => self.manager.put(&name, &json).await?.ok_or_else(|| unavailable(&name)),
        }
    }
}

impl<S: Secret> Need for Versions<S> {
    fn declare(declaration: &mut Declaration) {
        for action in [GET, CREATE, PUT] {
            declaration.grant(action, AwsResource::Secrets(S::NAMES));
        }
        declaration.grant(DATA_KEY, AwsResource::SecretsKey(S::NAMES));
        SecretsKey::declare(declaration);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), key: SecretsKey::open(platform)?, kind: PhantomData })
    }
}

/// The value as it is stored. The SDK makes a copy of its own, which is out of reach.
fn json<T: Serialize>(value: &T) -> Result<Zeroizing<String>, Failure> {
    serde_json::to_string(value).map(Zeroizing::new).map_err(|_| CauseCode::SecretUnwritable.into())
}
