//! Runs the lines of `TENANT.md`, the page for an application's developer, with the official Python and JavaScript
//! clients. `cargo xtask test` installs them from the locks in `python` and `node`, and names the programs in
//! `CLIENTS_PYTHON`, `CLIENTS_NODE` and `CLIENTS_NODE_MODULES`.
//!
//! `tests/generated.rs` makes clients of our own API with the commands of the `README.md`, and uses them.
//!
//! `tests/invitation.rs` runs the page behind the link in an invitation, which we ship as an example.
//!
//! Each section of the page for developers becomes one program per language. A program gets the variables that the page promises, and
//! nothing else of this process.

#![warn(missing_docs)]

mod page;
mod program;

pub use page::{Language, Page, Section};
pub use program::Programs;
