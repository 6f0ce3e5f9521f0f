//! The protocols that the outside systems speak.

/// Decides what a fault looks like on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON or forms over HTTP.
    Http,
    /// The same, but a stored 500 is replayed to every repeat of its idempotency key.
    Stripe,
    /// AWS's JSON protocols.
    Aws,
    /// SQL statements.
    Postgres,
    /// Commands.
    Resp,
    /// Mail. The client is the provider and not a process of ours.
    Smtp,
}
