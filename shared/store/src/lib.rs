//! Postgres: the control database's statements and migrations, and the tenant schema.
//!
//! Statements live in `sql/`, one a file; `tests/statements.rs` prepares every one of them against the migrated schema.
//! A statement that changes something is one statement even where it touches several tables, so that it is one
//! transaction in one flight and needs no session state (RDS Proxy would pin the connection for it).

mod billing;
mod catalogs;
mod connection;
mod error;
mod lease;
mod ledger;
mod migrate;
mod outbox;
mod pages;
mod runs;
mod sync_targets;
mod tenant_schema;
mod tenants;
mod transaction;

pub use billing::OpenBilling;
pub use catalogs::{Catalog, CatalogNotBegun, CatalogUpsert, NewCatalog};
pub use connection::{ConfigSource, DatabaseConfig, Store, connect};
pub use error::StoreError;
pub use lease::{Activation, Begun, Lease, Leased, NotBegun, NotLeased, StepEffect};
pub use ledger::{Intent, Resource, ResourceKind};
pub use migrate::{Migrated, migrate_control, migrate_tenant, newest_tenant_version};
pub use outbox::{OutboxKind, OutboxRow};
pub use pages::{Cursor, Cut, TenantFilter, TenantSummary};
pub use runs::{FailOutcome, StepRow};
pub use sync_targets::{NewSyncTarget, NotRegistered, SyncTarget};
pub use tenant_schema::{SeedCounts, TenantDatabase, manifest};
pub use tenants::{Deactivated, Deactivation, Effects, NewTenant, Resume, Tenant, Update};
