//! A further invitation, as the code makes it, and what goes wrong without a part of that.

use model::{Invitations, Slip};
use stateright::{Checker, Model};

fn with(slip: Option<Slip>) -> Invitations {
    Invitations { faults: 3, unlearned: 1, slip }
}

#[test]
fn an_invitation_sends_one_mail_and_ends() {
    let checker = with(None).checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 100, "only {} worlds", checker.unique_state_count());
    assert_eq!(with(None).never_answers(), None);
}

#[test]
fn each_part_of_the_protocol_is_needed() {
    for (slip, broken) in [
        (Slip::NoIntent, "one mail, but for those of which Auth did not learn"),
        (Slip::NoPause, "one mail, but for those of which Auth did not learn"),
        (Slip::NoEnd, "one mail, but for those of which Auth did not learn"),
        (Slip::FormerFirst, "somebody is the admin"),
    ] {
        let checker = with(Some(slip)).checker().spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{slip:?} breaks nothing");
    }
}
