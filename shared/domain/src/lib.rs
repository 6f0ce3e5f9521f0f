//! Types and rules of the control plane: no I/O, no async.
//!
//! A value of one of these types is valid: it was parsed at the edge, and nothing inside checks it again.

pub mod failure;
pub mod fields;
pub mod names;
pub mod problem;
pub mod provision;
pub mod routes;
mod schema;
pub mod step;
pub mod tenant;

pub use failure::{Cause, Failure, FailureKind, Owner};
pub use fields::{FieldError, Fields};
pub use provision::ProvisionRequest;
pub use step::Step;
pub use tenant::{AdminEmail, DisplayName, ProvisioningState, Region, Slug, TenantId, Tier};
