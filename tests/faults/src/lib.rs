//! The kill matrix: every effect of every actor meets every fault. The outside systems show the result.
//! `README.md` says how to read it.
//!
//! One fault proxy stands before every outside system. Neither the product nor a stand-in knows of it.
//! `cargo xtask faults` starts a cloud and plays the whole matrix, `cargo xtask test` a part of it (`tests/part.rs`).
//!
//! Two words: an *invocation* is one call of a Lambda function, and an *attempt* is one numbered execution of the state
//! machine for a tenant.

pub mod actors;
mod bar;
mod effects;
mod fault;
mod invocation;
mod matrix;
mod outages;
mod processes;
mod protocol;
pub mod readme;
mod stage;
mod step_cell;
pub mod storm;
mod table;
mod victim;
mod witness;

pub use fault::Kind;
pub use matrix::{Part, Selection, Verdict, play, select};
pub use stage::Stage;
pub use table::Table;
