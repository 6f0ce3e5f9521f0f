//! The stand-in over HTTP, as a client meets it.

mod client;
mod customers;
mod gate;
mod idempotency;
mod modes;
mod shape;
mod stand;
mod subscriptions;
