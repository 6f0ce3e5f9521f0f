//! Requests of the API, and their answers.

mod answer;
mod client;
mod patience;
mod problem;
mod request;

pub use answer::Answer;
pub use client::{Client, Settings, is_loopback};
pub use problem::Problem;
pub use request::Request;
