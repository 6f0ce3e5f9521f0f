//! The log of the calls seen.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::{Call, CallLog};

/// 200 tenants make some 20,000 calls.
const CAPACITY: usize = 200_000;

/// The number of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seq(u64);

#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Calls>);

#[derive(Debug, Default)]
struct Calls {
    last: u64,
    dropped: u64,
    /// Their numbers have no gaps.
    kept: VecDeque<Call>,
}

impl Log {
    /// Adds a call and assigns `call.seq`.
    pub fn begin(&self, mut call: Call) -> Seq {
        let mut log = self.lock();
        log.last += 1;
        call.seq = log.last;
        if log.kept.len() == CAPACITY {
            log.kept.pop_front();
            log.dropped += 1;
        }
        log.kept.push_back(call);
        Seq(log.last)
    }

    /// Changes an entry, unless the log has been cleared since.
    pub fn update(&self, seq: Seq, change: impl FnOnce(&mut Call)) {
        let mut log = self.lock();
        let Some(first) = log.kept.front().map(|call| call.seq) else { return };
        let place = seq.0.checked_sub(first).and_then(|offset| usize::try_from(offset).ok());
        if let Some(call) = place.and_then(|place| log.kept.get_mut(place)) {
            change(call);
        }
    }

    pub fn list(&self, upstream: Option<&str>) -> CallLog {
        let log = self.lock();
        let wanted = log.kept.iter().filter(|call| upstream.is_none_or(|name| call.upstream == name));
        CallLog { dropped: log.dropped, calls: wanted.cloned().collect() }
    }

    pub fn clear(&self) {
        let mut log = self.lock();
        log.kept.clear();
        log.dropped = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
