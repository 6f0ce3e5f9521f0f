//! The control database: its statements, its migrations, and the protocol that prevents duplicate resources.
//!
//! Statements are in `sql/`, one per file; those that are in `sql/read/` are all that a [`Reader`] needs. `tests/statements.rs`
//! prepares each of them against the migrated schema, and `tests/rights.rs` compares what they need with what `rights/` gives. A
//! statement that changes several tables is still one statement: it is one transaction in one round trip. It needs no
//! session state, for which RDS Proxy would pin the connection.

#![warn(missing_docs)]

mod ages;
mod audit;
mod author;
mod billing;
mod catalogs;
mod connection;
mod deployment;
mod duties;
mod entrance;
mod error;
mod holders;
mod inspection;
mod invitations;
mod lease;
mod ledger;
mod migrate;
mod outbox;
mod pages;
mod patience;
mod purge_lease;
mod purges;
mod repairs;
mod runs;
mod steps;
mod sync_targets;
mod tenants;
mod transaction;
mod verdicts;

pub use ages::Ages;
pub use audit::{AuditEntry, AuditFilter, LastSeal, Seal};
pub use author::Author;
pub use catalogs::{Catalog, CatalogNotBegun, CatalogNotCommitted, CatalogUpsert, NewCatalog};
pub use connection::{ControlDatabase, ControlReader, Reader, Store, connect, connect_trusting};
pub use deployment::{ControlDeployment, Login, Rights};
pub use duties::{Duty, OpenDuty};
pub use error::StoreError;
pub use inspection::{Finding, inspect};
pub use invitations::{Invited, LastMail, RecentMails};
pub use lease::{LEASE_MARGIN, Lease, NotLeased, Purpose};
pub use ledger::{Intent, KeyedRequest, LedgerEntry, Resource, ResourceKind};
pub use migrate::{Migrated, migration_failure, version as migrated_version};
pub use outbox::{OpenPromise, OutboxKind, OutboxRow};
pub use pages::{Cursor, Cut, TenantFilter, TenantSummary};
pub use patience::Patience;
pub use purge_lease::PurgeLease;
pub use purges::{NewPurge, Purge};
pub use repairs::{CatalogCredentials, Repaired};
pub use runs::{FailOutcome, Machine};
pub use steps::{Activation, Effect, NotBegun, Outcome, StepRow, StepTask};
pub use sync_targets::{NewSyncTarget, NotRegistered, SyncTarget};
pub use tenants::{BegunEffects, Deactivated, Deactivation, Hold, NewTenant, Resume, Tenant, Update, Values};
pub use verdicts::{RecordedVerdict, VERDICT_COUNTS_FOR};
