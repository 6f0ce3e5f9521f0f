//! What a function may reach: declared once, as the types of its fields.

use std::collections::BTreeSet;
use std::ops::Deref;

use aws_credential_types::provider::SharedCredentialsProvider;
use domain::{CauseCode, Failure};

use crate::aws;
use crate::metrics::Directive;
use crate::platform::Platform;
use crate::settings::Misconfigured;

/// A thing that a function can get: a secret's handle, settings, a client.
///
/// A function cannot get one without declaring it: the only way to a value is [`Need::open`], and the struct whose
/// fields are opened declares every field.
pub trait Need: Sized {
    /// Adds the rights and settings that it requires to the declaration.
    fn declare(declaration: &mut Declaration);

    /// Opens it. An error names every setting that cannot be used.
    fn open(platform: &Platform) -> Result<Self, Misconfigured>;
}

impl Platform {
    /// A function with everything it declares. The failure names every setting that cannot be used.
    pub fn open<N: Need>(&self) -> Result<N, Failure> {
        N::open(self).map_err(|wrong| Failure::with_detail(CauseCode::ConfigurationInvalid, wrong.to_string()))
    }
}

/// Everything that a function may reach, and what it measures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The actions that its role allows.
    pub grants: BTreeSet<Grant>,
    /// The environment variables that it reads.
    pub settings: BTreeSet<&'static str>,
    /// The metrics in its log.
    pub metrics: BTreeSet<Directive>,
}

impl Declaration {
    /// What `N` declares.
    #[must_use]
    pub fn of<N: Need>() -> Self {
        let mut declaration = Self::default();
        N::declare(&mut declaration);
        declaration
    }

    /// Adds a right.
    pub fn grant(&mut self, action: &'static str, on: AwsResource) {
        self.grants.insert(Grant { action, on });
    }
}

/// One action on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// As IAM names it, e.g. `states:StartExecution`.
    pub action: &'static str,
    /// The resource.
    pub on: AwsResource,
}

/// A resource of the template, or outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsResource {
    /// Secrets, by their names below the prefix: `control/stripe`, or `tenants/*`.
    Secrets(&'static str),
    /// The secret of the database's master user, if the parameter names one.
    MasterSecret,
    /// The customer's key, as far as it encrypts that secret.
    MasterSecretKey,
    /// The customer's key of the secrets, if there is one, as far as it encrypts these.
    SecretsKey(&'static str),
    /// The state machine.
    StateMachine,
    /// Executions of the state machine.
    Executions,
    /// The state machine of purges.
    PurgeStateMachine,
    /// Executions of that one.
    PurgeExecutions,
    /// The table of idempotency records.
    IdempotencyTable,
    /// This path of every OpenSearch Service domain.
    SearchDomains(&'static str),
    /// Objects below `audit/` in the bucket of the audit log's anchors, if there is one.
    AuditAnchors,
}

/// AWS actions whose requests are signed by our own client.
pub trait AwsActions: 'static {
    /// The actions with their resources.
    const GRANTS: &'static [Grant];
}

/// The function's AWS credentials, for signing the requests of `A`.
pub struct Credentials<A> {
    provider: SharedCredentialsProvider,
    region: String,
    endpoint: Option<String>,
    actions: std::marker::PhantomData<fn() -> A>,
}

impl<A> Credentials<A> {
    /// The source of the credentials.
    #[must_use]
    pub const fn provider(&self) -> &SharedCredentialsProvider {
        &self.provider
    }

    /// The function's region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Where AWS is, if it is not at its own addresses.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}

impl<A: AwsActions> Need for Credentials<A> {
    fn declare(declaration: &mut Declaration) {
        declaration.grants.extend(A::GRANTS);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let sdk = platform.sdk();
        let provider = sdk.credentials_provider().ok_or_else(|| Misconfigured::of("the function has no role"))?;
        let region = sdk.region().map(ToString::to_string).ok_or_else(|| Misconfigured::of("AWS_REGION is not set"))?;
        Ok(Self {
            provider,
            region,
            endpoint: platform.settings().text(aws::ENDPOINT_URL).map(str::to_owned),
            actions: std::marker::PhantomData,
        })
    }
}

/// A value that a function keeps between invocations. It starts with its default value and reaches nothing.
#[derive(Debug, Default)]
pub struct Memory<T>(T);

impl<T> Deref for Memory<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default> Need for Memory<T> {
    fn declare(_: &mut Declaration) {}

    fn open(_: &Platform) -> Result<Self, Misconfigured> {
        Ok(Self::default())
    }
}

/// Two needs at once.
impl<A: Need, B: Need> Need for (A, B) {
    fn declare(declaration: &mut Declaration) {
        A::declare(declaration);
        B::declare(declaration);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let mut wrong = Misconfigured::default();
        let both = (wrong.note(A::open(platform)), wrong.note(B::open(platform)));
        let (Some(a), Some(b)) = both else { return Err(wrong) };
        Ok((a, b))
    }
}
