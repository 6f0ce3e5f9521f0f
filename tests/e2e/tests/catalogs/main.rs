//! A tenant's catalogs: creating, replacing, reading and listing them, and their credentials.

mod credentials;
mod failures;
mod list;
mod newest_active;
mod places;
mod preconditions;
mod upsert;
mod validation;
