//! Billing against a real database and Stripe's stand-in, cut off at every point where the process can die.

#![allow(clippy::disallowed_methods, reason = "a test takes its server from the environment")]

mod addresses;
mod changes;
mod crashes;
mod database;
mod deactivation;
mod gone;
mod prices;
mod settle;
mod wire;
mod world;
