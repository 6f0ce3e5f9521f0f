//! Types and rules of the control plane: no I/O, no async.
//!
//! A value of one of these types is valid: it was parsed at the edge, and nothing inside checks it again.

#![warn(missing_docs)]

mod actor;
pub mod approval;
mod audit;
pub mod catalog;
mod caught;
mod cause;
pub mod change;
pub mod credentials;
mod fact;
mod failure;
mod field;
pub mod fields;
pub mod hold;
pub mod invitation;
mod location;
pub mod names;
mod part;
mod problem;
pub mod provision;
pub mod purge;
mod reserved;
pub mod routes;
mod run;
mod schema;
mod search;
pub mod step;
pub mod sync_target;
pub mod tenant;
mod text;
pub mod uri;
mod verdict;
mod visible;
mod wiped;
mod words;

pub use actor::{Actor, same_somebody};
pub use approval::PurgeApproval;
pub use audit::AuditWord;
pub use catalog::{CatalogId, CatalogName, CatalogRequest, CatalogType, StoragePrefix};
pub use caught::Caught;
pub use cause::{Cause, CauseCode, CauseRow, FailureKind, Owner, System};
pub use change::{CustomDomain, TenantChange};
pub use fact::{Fact, word};
pub use failure::Failure;
pub use fields::{FieldError, Fields, Patch};
pub use hold::{HoldReason, HoldRequest};
pub use invitation::InvitationRequest;
pub use location::Location;
pub use part::{PartState, RepairOutcome, RepairRequest, TenantPart};
pub use problem::ProblemCode;
pub use provision::ProvisionRequest;
pub use purge::{
    CustomerPolicy, DataPolicy, PurgeOutcome, PurgePolicies, PurgeReason, PurgeRequest, PurgeState, PurgeStep,
    PurgedItem, PurgedKind, Retrieval, SlugReserved,
};
pub use run::Run;
pub use search::SearchText;
pub use step::{Step, StepState};
pub use sync_target::{FivetranId, Identifier, Namespace, SyncMode, SyncTargetRequest, TableName};
pub use tenant::{AdminEmail, DisplayName, ProvisioningState, Region, Slug, TenantId, Tier};
pub use uri::Uri;
pub use verdict::{Checked, Verdict, Warning};
pub use wiped::Wiped;
pub use words::Invalid;
