//! Secrets Manager: every credential, as typed values.
//!
//! A secret's value is JSON of a known shape. One that is missing, empty or of another shape is a named failure whose
//! hint says which secret it is: its name is no secret, its value is never repeated.

mod catalog;
mod schema;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::{CatalogId, Failure, FailureKind, Owner, Region, TenantId, names};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use catalog::CatalogSecret;
pub use schema::{PoolerAddress, SupabaseSecret, TenantSecret};

const UNAVAILABLE: &str = "Secrets Manager cannot be reached right now; it is tried again.";

/// Which secret, below the installation's prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// `control/{…}`: the control plane's own.
    Control(&'static str),
    /// `regions/{region}`: a residency region's systems.
    Region(Region),
    /// `tenants/{tenant_id}`: the one secret of a tenant.
    Tenant(TenantId),
    /// `catalogs/{catalog_id}`: a catalog's credentials.
    Catalog(CatalogId),
}

impl Name {
    fn below(&self, prefix: &str) -> String {
        match self {
            Self::Control(name) => format!("{prefix}/control/{name}"),
            Self::Region(region) => format!("{prefix}/regions/{region}"),
            Self::Tenant(tenant_id) => format!("{prefix}/{}", names::secret(*tenant_id)),
            Self::Catalog(id) => format!("{prefix}/{}", names::catalog_secret(*id)),
        }
    }
}

/// Which version of a secret: no secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionId(String);

impl VersionId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a secret anew each time it is called.
pub type Source<T> = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>> + Send + Sync>;

/// The installation's secrets.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
    prefix: Arc<str>,
}

impl Secrets {
    /// The secrets below `SECRET_PREFIX` (default `ivory`).
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let prefix = std::env::var("SECRET_PREFIX").unwrap_or_else(|_| "ivory".to_owned());
        Self { client: Client::new(config), prefix: prefix.into() }
    }

    /// Reads a secret's current value.
    pub async fn read<T: DeserializeOwned>(&self, name: Name) -> Result<T, Failure> {
        self.get(name, None).await
    }

    /// Reads the value of one version.
    pub async fn read_version<T: DeserializeOwned>(&self, name: Name, version: &str) -> Result<T, Failure> {
        self.get(name, Some(version)).await
    }

    async fn get<T: DeserializeOwned>(&self, name: Name, version: Option<&str>) -> Result<T, Failure> {
        let name = name.below(&self.prefix);
        let get = self.client.get_secret_value().secret_id(&name).set_version_id(version.map(str::to_owned));
        let answer = get.send().await.map_err(|error| failure(&name, &error))?;
        let value = answer.secret_string().unwrap_or_default();
        serde_json::from_str(value).map_err(|_| {
            Failure::new(
                FailureKind::Rejected,
                "secret_malformed",
                Owner::Platform,
                &format!("The secret {name} is empty or does not have the documented shape; put a valid value."),
            )
        })
    }

    /// A reader of one secret, for whoever has to read it again later.
    #[must_use]
    pub fn source<T: DeserializeOwned + 'static>(&self, name: Name) -> Source<T> {
        let secrets = self.clone();
        Arc::new(move || {
            let (secrets, name) = (secrets.clone(), name.clone());
            Box::pin(async move { secrets.read(name).await })
        })
    }

    /// Creates a secret unless it is there already; either way the value to use is the one read back.
    pub async fn create_once<T: Serialize>(&self, name: Name, value: &T) -> Result<(), Failure> {
        let full = name.below(&self.prefix);
        match self.client.create_secret().name(&full).secret_string(json(value)?).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateSecretError::is_resource_exists_exception) => {
                Ok(())
            }
            Err(error) => Err(failure(&full, &error)),
        }
    }

    /// Puts a new version.
    pub async fn put<T: Serialize>(&self, name: Name, value: &T) -> Result<(), Failure> {
        let full = name.below(&self.prefix);
        let put = self.client.put_secret_value().secret_id(&full).secret_string(json(value)?);
        put.send().await.map(drop).map_err(|error| failure(&full, &error))
    }

    /// Puts a new version and says which it is; the secret is created if it is not there yet.
    pub async fn put_version<T: Serialize>(&self, name: Name, value: &T) -> Result<VersionId, Failure> {
        let full = name.below(&self.prefix);
        let json = json(value)?;
        if let Some(version) = self.put_existing(&full, &json).await? {
            return Ok(version);
        }
        match self.client.create_secret().name(&full).secret_string(&json).send().await {
            Ok(created) => version(&full, created.version_id),
            // Somebody else created it in between.
            Err(error) if error.as_service_error().is_some_and(CreateSecretError::is_resource_exists_exception) => {
                self.put_existing(&full, &json).await?.ok_or_else(|| unavailable(&full))
            }
            Err(error) => Err(failure(&full, &error)),
        }
    }

    /// `None`: there is no such secret.
    async fn put_existing(&self, full: &str, json: &str) -> Result<Option<VersionId>, Failure> {
        match self.client.put_secret_value().secret_id(full).secret_string(json).send().await {
            Ok(put) => version(full, put.version_id).map(Some),
            Err(error)
                if error.as_service_error().is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(failure(full, &error)),
        }
    }
}

fn version(name: &str, id: Option<String>) -> Result<VersionId, Failure> {
    id.map(VersionId).ok_or_else(|| unavailable(name))
}

/// An answer that Secrets Manager's documentation knows nothing of.
fn unavailable(name: &str) -> Failure {
    tracing::warn!(secret = name, "Secrets Manager gave an answer that makes no sense");
    Failure::new(FailureKind::Transient, "secrets_unavailable", Owner::Platform, UNAVAILABLE)
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|_| {
        Failure::new(
            FailureKind::Internal,
            "secret_unwritable",
            Owner::Platform,
            "A secret's value cannot be written as JSON.",
        )
    })
}

/// Names what Secrets Manager answered. The SDK's own text is dropped: it may quote an answer, and an answer is a secret.
fn failure<E, R>(name: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    tracing::warn!(secret = name, code, "Secrets Manager refused or could not be reached");
    let (kind, code, hint) = match code {
        Some("ResourceNotFoundException") => (
            FailureKind::Rejected,
            "secret_missing",
            format!("The secret {name} does not exist or has no value; create it and put a value."),
        ),
        Some("AccessDeniedException") => (
            FailureKind::Rejected,
            "secret_forbidden",
            format!("The function's role may not use the secret {name}; redeploy the template."),
        ),
        Some("InvalidRequestException") => (
            FailureKind::Rejected,
            "secret_being_deleted",
            format!("The secret {name} is scheduled for deletion; restore it."),
        ),
        Some("ThrottlingException") => (
            FailureKind::RateLimited { retry_after: None },
            "secrets_throttled",
            "Secrets Manager throttles this account; it is tried again.".to_owned(),
        ),
        _ => (FailureKind::Transient, "secrets_unavailable", UNAVAILABLE.to_owned()),
    };
    Failure::new(kind, code, Owner::Platform, &hint)
}
