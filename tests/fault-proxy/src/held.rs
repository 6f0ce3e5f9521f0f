//! The connections that rules hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::api::{Held, RuleId};

/// All holds of the process.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Holds>);

#[derive(Debug, Default)]
struct Holds {
    last: u64,
    held: BTreeMap<u64, (Held, oneshot::Sender<()>)>,
}

/// A place on the board. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Hold {
    id: u64,
    board: Arc<Board>,
    released: oneshot::Receiver<()>,
}

impl Board {
    /// Puts a connection on the board and assigns `held.id`.
    pub fn hold(self: &Arc<Self>, mut held: Held) -> Hold {
        let (release, released) = oneshot::channel();
        let mut holds = self.lock();
        holds.last += 1;
        let id = holds.last;
        held.id = id;
        holds.held.insert(id, (held, release));
        Hold { id, board: Arc::clone(self), released }
    }

    pub fn list(&self) -> Vec<Held> {
        self.lock().held.values().map(|(held, _)| held.clone()).collect()
    }

    /// Lets one connection go on; false if there is none of that id.
    pub fn release(&self, id: u64) -> bool {
        let Some((_, release)) = self.lock().held.remove(&id) else { return false };
        // An error means that the client has gone at the same moment.
        let _ = release.send(());
        true
    }

    /// Lets every connection go on that the rule holds.
    pub fn release_rule(&self, rule: RuleId) {
        let ids: Vec<_> = self.lock().held.values().filter(|(held, _)| held.rule == rule).map(|(h, _)| h.id).collect();
        for id in ids {
            self.release(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Holds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Waits for the release. Cancel safe, but must not be awaited again once it has returned.
    pub async fn released(&mut self) {
        // The board drops the sender only after sending, so there is no error to handle.
        let _ = (&mut self.released).await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.board.lock().held.remove(&self.id);
    }
}
