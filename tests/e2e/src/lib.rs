//! End-to-end tests: black box, through the gateway. Every effect is checked in the system that it belongs to.
//!
//! They need a running cloud, which the environment variables describe:
//! ```sh
//! cargo xtask up --detach --fault-proxy
//! (set -a; . target/local/env; cargo test -p e2e --profile local -- --include-ignored)
//! cargo xtask down
//! ```
//! Every test is marked `#[ignore = "needs …"]` with the variables that it needs. `cargo xtask test` runs the tests
//! whose variables are set. If `E2E_ANSWERS` names a file, every answer of the gateway is appended to it. The test for
//! leaked secrets runs last and reads the answers of all test programs from that file.

mod access;
mod aws;
pub mod calls;
mod cloud;
pub mod contract;
mod faults;
mod gateway;
mod lakehouse;
mod outside;
mod postgres;
mod purges;
mod redis;
mod tenants;
mod tokens;
mod variables;

pub use access::{ALL_KEYS, Access, read_graph};
pub use aws::Aws;
pub use cloud::{Cloud, REGIONS};
pub use faults::{Faults, alone, usable, with_faults};
pub use gateway::{Answer, answers};
pub use lakehouse::{CREDENTIAL_MARK, Lakehouse, credential};
pub use outside::{Search, links};
pub use tenants::{STEPS, State, Status, is_timestamp, unique};
pub use tokens::{Issuer, TOKEN_MARK, signed};
