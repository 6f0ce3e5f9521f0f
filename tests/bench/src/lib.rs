//! What a function costs: its program is started as Lambda starts it, beside programs in other languages that do the same
//! work, and in turns with them.
//!
//! `cargo xtask bench` builds and installs all of them, starts Postgres, and runs the program `bench`.

pub mod builds;
pub mod emulator;
pub mod figures;
mod goals;
pub mod hops;
pub mod instructions;
pub mod machine;
mod numbers;
pub mod packages;
pub mod pipeline;
pub mod plot;
pub mod process;
pub mod report;
pub mod running;
pub mod series;
pub mod share;
pub mod signature;
pub mod size;
pub mod targets;
pub mod tenants;
