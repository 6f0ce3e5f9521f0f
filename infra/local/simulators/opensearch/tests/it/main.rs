//! The stand-in over HTTP.

mod behaviour;
mod http;
mod replay;
