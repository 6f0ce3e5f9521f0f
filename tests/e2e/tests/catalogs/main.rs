//! A tenant's catalogs: made and replaced, read and listed, with their credentials where they belong.

mod credentials;
mod failures;
mod list;
mod newest_active;
mod preconditions;
mod upsert;
mod validation;
