//! The tenant's project at Supabase, as steps 1 to 5 use it: the way into its database, the key of its Auth, and the
//! reason when one of them is refused.
//!
//! A project's credentials can change on the provider's side at any time. Somebody sets another database password,
//! rotates the keys, or restores an older version of the tenant's secret; the pooler moves. This crate repairs all of it
//! with what is known: it sets the stored password again, and it fetches keys and pooler again. Only a project that is
//! gone after data may have been written to it is left to a person.

#![warn(missing_docs)]

mod access;
mod account;
mod database;
mod project;
mod secret;

pub use access::ProjectAccess;
pub use account::SupabaseAccount;
pub use project::{ProjectUrl, SupabaseProject, project_ref};
pub use secret::TenantSecrets;
