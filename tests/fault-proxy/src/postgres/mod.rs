//! Postgres' protocol. <https://www.postgresql.org/docs/current/protocol.html>

pub(crate) mod calls;
pub(crate) mod replies;
pub(crate) mod tls;
mod values;
