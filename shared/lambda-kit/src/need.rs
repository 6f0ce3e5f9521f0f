//! What a function may reach: declared once, as the types of its fields.

use std::collections::BTreeSet;
use std::ops::Deref;

use aws_credential_types::provider::SharedCredentialsProvider;
use domain::{CauseCode, Failure};

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

/// Everything that a function may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The actions that its role allows.
    pub grants: BTreeSet<Grant>,
    /// The environment variables that it reads.
    pub settings: BTreeSet<&'static str>,
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
    pub fn grant(&mut self, action: &'static str, on: Resource) {
        self.grants.insert(Grant { action, on });
    }
}

/// One action on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// As IAM names it, e.g. `states:StartExecution`.
    pub action: &'static str,
    /// The resource.
    pub on: Resource,
}

/// A resource of the template, or outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Secrets, by their names below the prefix: `control/stripe`, or `tenants/*`.
    Secrets(&'static str),
    /// The state machine.
    StateMachine,
    /// Executions of the state machine.
    Executions,
    /// The table of idempotency records.
    IdempotencyTable,
    /// This path of every OpenSearch Service domain.
    SearchDomains(&'static str),
    /// Every OpenSearch Serverless collection.
    SearchCollections,
}

/// AWS actions whose requests are signed by our own client.
pub trait AwsActions: 'static {
    /// The actions with their resources.
    const GRANTS: &'static [Grant];
}

/// The function's AWS credentials, for signing the requests of `A`.
pub struct Credentials<A> {
    provider: SharedCredentialsProvider,
    actions: std::marker::PhantomData<fn() -> A>,
}

impl<A> Credentials<A> {
    /// The source of the credentials.
    #[must_use]
    pub const fn provider(&self) -> &SharedCredentialsProvider {
        &self.provider
    }
}

impl<A: AwsActions> Need for Credentials<A> {
    fn declare(declaration: &mut Declaration) {
        declaration.grants.extend(A::GRANTS);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let provider = platform.sdk().credentials_provider();
        let provider = provider.ok_or_else(|| Misconfigured::of("the function has no role"))?;
        Ok(Self { provider, actions: std::marker::PhantomData })
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

/// Declares a struct whose fields are all [`Need`]s, and opens them together.
///
/// ```
/// use lambda_kit::{Read, needs};
/// use secrets::StripeSecret;
///
/// needs! {
///     /// Asks Stripe.
///     pub struct AskStripe {
///         stripe: Read<StripeSecret>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! needs {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $need:ty),* $(,)? }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $need),* }

        impl $crate::Need for $name {
            fn declare(declaration: &mut $crate::Declaration) {
                $(<$need as $crate::Need>::declare(declaration);)*
            }

            fn open(platform: &$crate::Platform) -> Result<Self, $crate::Misconfigured> {
                let mut wrong = $crate::Misconfigured::default();
                $(let $field = wrong.note(<$need as $crate::Need>::open(platform));)*
                let ($(Some($field),)*) = ($($field,)*) else { return Err(wrong) };
                Ok(Self { $($field),* })
            }
        }
    };
}
