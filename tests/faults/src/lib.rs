//! The kill matrix: every effect of every actor met by every fault, with the outside systems as witnesses.
//!
//! One fault proxy stands before every outside system; neither the product nor a stand-in knows of it. `cargo xtask
//! faults` starts a cloud and plays the whole matrix, `cargo xtask test` a part of it (`tests/part.rs`).

pub mod actors;
mod bar;
mod copy;
mod effects;
mod fault;
mod matrix;
mod stage;
mod step_cell;
pub mod storm;
mod table;
mod victim;
mod witness;

pub use fault::Kind;
pub use matrix::{Selection, Verdict, play, select};
pub use stage::Stage;
pub use table::{counts, table};
