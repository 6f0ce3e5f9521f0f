//! The frame of the stand-ins: how each of them starts, listens, logs and ends, and how it reads requests.
//!
//! A stand-in is a library with a clap parser for its settings and `async fn start(settings) -> Result<StandIn, _>`.
//! Its `main` passes that function to [`run`], and its tests call it. Each stand-in decides what it checks, answers and
//! refuses.

pub mod headers;

mod call;
mod run;
mod stand_in;

pub use call::{Call, NotAnObject, json_object};
pub use run::run;
pub use stand_in::{Port, StandIn};
