//! A proxy before every outside system of the local cloud. A test tells it to break a call; neither the product nor a
//! stand-in has a hook for that.
//!
//! Each upstream gets its own loopback port. Without rules a call passes through unchanged. For [`UpstreamKind::Tcp`]
//! these are the same bytes. For [`UpstreamKind::Http`] they are the same request line, header names, values and body,
//! because AWS signs them, `Host` included. For [`UpstreamKind::Postgres`] they are the same messages, encrypted if the
//! client wants that.
//!
//! The control API sets rules and the state of each upstream, and shows the calls seen and the connections held.
//! [`client::Client`] is its typed client.

mod api;
mod buffers;
pub mod client;
mod connection;
mod control;
mod ending;
mod frames;
mod framing;
mod held;
mod http_proxy;
mod log;
mod postgres;
mod pump;
mod resp;
mod rules;
mod start;
mod tcp_proxy;
mod upstream;

pub use api::{
    Action, Answer, Call, CallLog, HeaderMatch, Held, Match, On, Ready, Rule, RuleId, RuleStatus, UpstreamKind,
    UpstreamState, UpstreamStatus, When,
};
pub use postgres::tls::{BadPostgresTls, PostgresTls};
pub use start::{Config, ConfigError, Running, UpstreamConfig, start};
