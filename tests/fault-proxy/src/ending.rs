//! How connections end.

use std::time::Duration;

/// How a connection ends for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
}

/// How long the upstream may take for a call whose effect a rule waits for. The client may have gone by then, so
/// without this limit the wait might never end.
pub(crate) const EFFECT_DEADLINE: Duration = Duration::from_mins(2);
/// How long a client may take to close after an answer that ends its connection.
pub(crate) const CLOSING_TIME: Duration = Duration::from_secs(5);
