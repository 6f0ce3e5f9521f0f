//! A tenant's purge and its approval, as the code does it, and what goes wrong without a part of that.

use model::{PurgeSlip, Purging};
use stateright::{Checker, Model};

const fn with(slip: Option<PurgeSlip>) -> Purging {
    Purging { events: 4, slip }
}

#[test]
fn a_purge_deletes_what_was_agreed_and_nothing_else() {
    let checker = with(None).checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 1_000, "only {} worlds", checker.unique_state_count());
}

#[test]
fn each_part_of_the_protocol_is_needed() {
    for (slip, broken) in [
        (PurgeSlip::HoldAtFence, "nothing is deleted under a hold"),
        (PurgeSlip::LeaseAtFence, "nothing is deleted of the slug's next owner"),
        (PurgeSlip::RestoreOfPurged, "a tenant that comes back has lost nothing"),
        (PurgeSlip::PointOfNoReturn, "a tenant that comes back has lost nothing"),
        (PurgeSlip::Version, "what is approved was read"),
        (PurgeSlip::FourEyes, "two consumers agree"),
        (PurgeSlip::AskAgain, "what is proved gone is gone"),
        (PurgeSlip::Proof, "a slug is free once nothing has its name"),
    ] {
        let checker = with(Some(slip)).checker().spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{slip:?} breaks nothing");
    }
}
