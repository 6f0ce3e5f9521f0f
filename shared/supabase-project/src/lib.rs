//! The tenant's project at Supabase, as steps 1 to 5 and invitations use it: the connection to its database, its Auth,
//! and the reason if one of them is refused; a look that changes nothing; the end of all access to it, and its renewal.
//!
//! A project's credentials can change at Supabase at any time: a person may set another database password, replace the
//! keys, or restore an older version of the tenant's secret, and the pooler may move. This crate repairs all of that:
//! it sets the stored password again, and it reads keys and pooler again. Only one case needs a person: the project is
//! gone after data may have been written to it.

#![warn(missing_docs)]

mod access;
mod account;
mod admin;
mod configuration;
mod database;
mod keys;
mod logins;
mod look;
mod mails;
mod project;
mod revocation;
mod schema;
mod secret;

pub use access::ProjectAccess;
pub use account::SupabaseAccount;
pub use admin::{Admins, Asking, MailKind, MailNotSent, Reminded, SentMail};
pub use logins::LoginSettings;
pub use look::{ProjectLook, SeenKeys};
pub use project::{ProjectUrl, SupabaseProject, may_be_missing_yet, project_ref};
pub use revocation::Revocation;
pub use schema::migrate;
pub use secret::TenantSecrets;
