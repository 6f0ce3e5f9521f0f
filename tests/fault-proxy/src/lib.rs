//! One process before every outside system of the local cloud, so that a test can break any call to it while neither the
//! product nor a stand-in holds a hook for that.
//!
//! Each upstream gets a loopback port of its own. Without rules a call passes through unchanged: bytes as they are for
//! [`UpstreamKind::Tcp`], for [`UpstreamKind::Http`] the same request line, header names, values and body (AWS signs them,
//! `Host` included), and for [`UpstreamKind::Postgres`] the same messages, encrypted if the client wants it. Rules, the state of each upstream, the calls seen and the connections held are reached over
//! the control API; [`client::Client`] is its typed side.

mod api;
pub mod client;
mod connection;
mod control;
mod frames;
mod held;
mod http_proxy;
mod log;
mod outbox;
mod postgres;
mod postgres_tls;
mod postgres_values;
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
pub use postgres_tls::{BadPostgresTls, PostgresTls};
pub use start::{Config, ConfigError, Running, UpstreamConfig, start};
