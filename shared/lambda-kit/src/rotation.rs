//! Secrets Manager's rotation: a value is proposed as version `AWSPENDING` and becomes `AWSCURRENT` once it works.

use std::marker::PhantomData;

use domain::{CauseCode, Failure};
use secrets::Secret;
use serde_json::{Map, Value};

use crate::manager::{Manager, Stage};
use crate::need::{AwsResource, Declaration, Need};
use crate::platform::Platform;
use crate::secret::{DATA_KEY, GET, PUT};
use crate::settings::Misconfigured;

const MOVE: &str = "secretsmanager:UpdateSecretVersionStage";

/// The right to rotate one secret. The version is the token that Secrets Manager gives a rotation.
pub struct Rotate<S> {
    manager: Manager,
    kind: PhantomData<fn() -> S>,
}

impl<S: Secret<Key = ()>> Rotate<S> {
    /// Whether this secret has that ARN, or that full name.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        self.manager.is(id, S::NAMES)
    }

    /// The current value.
    pub async fn current(&self) -> Result<S, Failure> {
        Ok(self.manager.current(S::NAMES).await?.0)
    }

    /// Whether the version is the current one: its rotation is over.
    pub async fn is_current(&self, version: &str) -> Result<bool, Failure> {
        let (_, current) = self.manager.current::<Map<String, Value>>(S::NAMES).await?;
        Ok(current.is_some_and(|current| current.as_str() == version))
    }

    /// The proposed value, if there is one.
    pub async fn pending(&self, version: &str) -> Result<Option<S>, Failure> {
        match self.manager.staged(S::NAMES, version, Stage::Pending).await {
            Err(failure) if failure.code() == CauseCode::SecretMissing => Ok(None),
            value => value.map(Some),
        }
    }

    /// Proposes the current value with other fields. What else an operator keeps in the secret stays.
    pub async fn propose(&self, version: &str, fields: Map<String, Value>) -> Result<(), Failure> {
        let (mut value, _) = self.manager.current::<Map<String, Value>>(S::NAMES).await?;
        value.extend(fields);
        let json = serde_json::to_string(&value).map_err(|_| CauseCode::SecretUnwritable)?;
        self.manager.put_pending(S::NAMES, version, &json).await
    }

    /// Makes the version the current one, and the one before it `AWSPREVIOUS`.
    pub async fn promote(&self, version: &str) -> Result<(), Failure> {
        let (_, current) = self.manager.current::<Map<String, Value>>(S::NAMES).await?;
        match current {
            Some(current) if current.as_str() == version => Ok(()),
            current => self.manager.make_current(S::NAMES, version, current.as_ref()).await,
        }
    }
}

impl<S: Secret> Need for Rotate<S> {
    fn declare(declaration: &mut Declaration) {
        for action in [GET, PUT, MOVE] {
            declaration.grant(action, AwsResource::Secrets(S::NAMES));
        }
        declaration.grant(DATA_KEY, AwsResource::SecretsKey(S::NAMES));
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self { manager: platform.manager().clone(), kind: PhantomData })
    }
}
