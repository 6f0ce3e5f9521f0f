//! Records that more than one route answers with, field by field as documented.

mod audit;
mod catalog;
mod purge;
mod run;
mod sync_target;
mod tenant;

pub use audit::{AuditAddress, AuditRecord};
pub use catalog::CatalogRecord;
pub use purge::{AcceptedAs, AcceptedPurge, Policies, PurgeSummary};
pub use run::{Accepted, NotApplied};
pub use sync_target::SyncTargetRecord;
pub use tenant::{TenantHold, TenantRecord};
