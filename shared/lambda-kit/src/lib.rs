//! How every function starts, and what it may reach.
//!
//! A function is a struct. Its fields are the handles that it gets: secrets it reads, settings it takes, clients of
//! AWS. [`needs!`] declares that struct. The declaration is also data: a contract test compares it with the template,
//! so the function's role and environment are exactly what its struct declares.
//!
//! Routes (`api-kit`), steps (`step-kit`) and operations ([`operation`]) start through [`Platform`].

#![warn(missing_docs)]

mod aws;
mod budget;
mod declare;
mod lines;
mod manager;
pub mod metrics;
mod need;
pub mod operation;
mod platform;
mod rotation;
mod secret;
mod settings;
pub mod telemetry;
mod version;

pub use budget::Budget;
pub use manager::{SecretEnd, VersionId};
pub use need::{AwsActions, AwsResource, Credentials, Declaration, Grant, Memory, Need};
pub use platform::Platform;
pub use rotation::Rotate;
pub use secret::{Create, Discard, Read, ReadMaster, Versions, Write};
pub use settings::{List, Misconfigured, Settings};
pub use version::VERSION;
