//! By whom a change was made.

use std::net::IpAddr;

/// What the audit log says of a change that a caller asked for, besides the change itself. What no caller asked for is
/// done by the function ([`domain::Actor::System`]), and has no address.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The caller: a [`domain::Actor`].
    pub actor: &'a str,
    /// From where the request came, as the gateway saw it.
    pub address: Option<IpAddr>,
    /// The request's id.
    pub request_id: &'a str,
}
