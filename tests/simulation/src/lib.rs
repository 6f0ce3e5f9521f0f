//! Thousands of provisionings at once, against stand-ins that have nothing but the vendors' limits.
//!
//! It is a simulation of events in virtual time: an hour of it takes seconds. What is played is not repeated here. The
//! retries and waits are those of `statemachine/provision-tenant.asl.json`. The calls of each step are those of `calls.json`,
//! which `tests/calls.rs` compares with what the systems of a local cloud are asked. How long things take is assumed
//! ([`assumed`]). `cargo xtask simulate` writes the figures into `infra/SCALE.md`.

#![warn(missing_docs)]

pub mod assumed;
pub mod calls;
pub mod figures;
pub mod limits;
pub mod machine;
pub mod outside;
pub mod rush;
