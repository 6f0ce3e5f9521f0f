//! An upstream: where it is, and whether calls pass.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::api::{UpstreamKind, UpstreamState, UpstreamStatus};

/// The upstream has been in [`UpstreamState::Refuse`] since the connection was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the upstream refuses connections")]
pub(crate) struct Refused;

#[derive(Debug, Clone, Copy)]
struct Condition {
    state: UpstreamState,
    /// How often the state became `Refuse`. A connection must be reset even if the state has changed again before the
    /// connection's task runs.
    refusals: u64,
}

#[derive(Debug)]
pub(crate) struct Upstream {
    pub name: String,
    pub kind: UpstreamKind,
    /// Where its clients connect to.
    pub address: SocketAddr,
    target: SocketAddr,
    condition: watch::Sender<Condition>,
}

impl Upstream {
    pub fn new(name: String, kind: UpstreamKind, address: SocketAddr, target: SocketAddr) -> Self {
        let (condition, _) = watch::channel(Condition { state: UpstreamState::Up, refusals: 0 });
        Self { name, kind, address, target, condition }
    }

    pub async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.target).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub fn set_state(&self, state: UpstreamState) {
        self.condition.send_modify(|condition| {
            condition.state = state;
            condition.refusals += u64::from(state == UpstreamState::Refuse);
        });
    }

    pub fn status(&self) -> UpstreamStatus {
        UpstreamStatus { kind: self.kind, address: self.address, state: self.condition.borrow().state }
    }

    /// The view of a connection opened now.
    pub fn gate(&self) -> Gate {
        let condition = self.condition.subscribe();
        let Condition { state, refusals } = *condition.borrow();
        // A connection that is opened while the upstream refuses must be reset as well.
        let seen = refusals - u64::from(state == UpstreamState::Refuse);
        Gate { condition, seen }
    }
}

/// An upstream's state as one connection sees it.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    condition: watch::Receiver<Condition>,
    seen: u64,
}

impl Gate {
    pub fn is_up(&self) -> bool {
        self.condition.borrow().state == UpstreamState::Up
    }

    /// Waits until calls pass.
    pub async fn opened(&self) -> Result<(), Refused> {
        let (mut condition, seen) = (self.condition.clone(), self.seen);
        let now = condition.wait_for(|c| c.refusals != seen || c.state == UpstreamState::Up).await;
        // The sender lives as long as the proxy.
        if now.is_ok_and(|c| c.refusals == seen) { Ok(()) } else { Err(Refused) }
    }

    /// Waits until the connection has to be reset.
    pub async fn refused(&self) {
        let (mut condition, seen) = (self.condition.clone(), self.seen);
        let _ = condition.wait_for(|c| c.refusals != seen).await;
    }

    /// Waits until calls pass (`up`) or no longer pass.
    pub async fn becomes(&self, up: bool) {
        let mut condition = self.condition.clone();
        let _ = condition.wait_for(|c| (c.state == UpstreamState::Up) == up).await;
    }
}
