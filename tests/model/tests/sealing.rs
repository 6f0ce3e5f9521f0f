//! The seals of the audit log, as the code makes them, and what goes wrong without a part of that.

use model::{Omission, Sealing};
use stateright::{Checker, Model};

fn with(omission: Option<Omission>) -> Sealing {
    Sealing { deaths: 2, omission }
}

#[test]
fn the_seals_are_one_chain_of_all_that_is_committed() {
    let checker = with(None).checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 1_000, "only {} worlds", checker.unique_state_count());
}

#[test]
fn each_part_of_the_protocol_is_needed() {
    for (omission, broken) in [
        (Omission::LeaseAndNumber, "the seals are one chain"),
        (Omission::LateRows, "what is committed is sealed in the end"),
        (Omission::Commit, "what is sealed is committed"),
    ] {
        let checker = with(Some(omission)).checker().spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{omission:?} breaks nothing");
    }
}
