//! A deprovisioned tenant is brought back, as the code does it, and what goes wrong without a part of that.

use model::{Gap, Restoring};
use stateright::{Checker, Model};

fn with(gap: Option<Gap>) -> Restoring {
    Restoring { deletes: 2, holds: 1, gap }
}

#[test]
fn a_tenant_comes_back_whoever_else_acts_for_it() {
    let checker = with(None).checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 10_000, "only {} worlds", checker.unique_state_count());
}

#[test]
fn each_part_of_the_protocol_is_needed() {
    for (gap, broken) in [
        (Gap::Lease, "the user of an active tenant is on"),
        (Gap::State, "the user of an active tenant is on"),
        (Gap::Steps, "the user of an active tenant is on"),
        (Gap::Hold, "nobody is restored under a hold"),
        (Gap::Mark, "what was revoked stays revoked"),
    ] {
        let checker = with(Some(gap)).checker().spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{gap:?} breaks nothing");
    }
}
