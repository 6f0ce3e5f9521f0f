//! The protocol as the code implements it. Each test checks every world within its bounds.

use std::time::Instant;

use model::{Bounds, Graph, Provisioning};
use stateright::{Checker, Model};

/// Checks every property in every world, and that an end can be reached from each of them. There must be at least
/// `floor` worlds, because a check that stops early would hold as well.
fn check(name: &str, model: &Provisioning, floor: usize) {
    let started = Instant::now();
    let checker = model.clone().checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    let worlds = checker.unique_state_count();
    drop(checker);
    let graph = Graph::of(model);
    println!("{name}: {worlds} worlds in {:.1?}", started.elapsed());
    assert_eq!(graph.len(), worlds, "both have explored the same worlds");
    assert!(worlds > floor, "only {worlds} worlds");
    assert_eq!(graph.never_ends_well(), None, "no good end can be reached after this");
    assert_eq!(graph.never_ends_by_itself(), None, "work never ends without a caller after this");
}

#[test]
fn provisioning_holds_with_three_faults_and_a_deactivation() {
    let bounds = Bounds { faults: 3, patches: 0, deletes: 1, deaths: 0, losses: 0 };
    check("provisioning, 3 faults, DELETE", &Provisioning::from_post(bounds), 1_300_000);
}

#[test]
fn provisioning_holds_with_two_faults_a_tier_change_and_a_deactivation() {
    let bounds = Bounds { faults: 2, patches: 1, deletes: 1, deaths: 0, losses: 0 };
    check("provisioning, 2 faults, PATCH, DELETE", &Provisioning::from_post(bounds), 2_000_000);
}

#[test]
fn provisioning_holds_with_two_faults_a_project_that_dies_and_a_deactivation() {
    let bounds = Bounds { faults: 2, patches: 0, deletes: 1, deaths: 1, losses: 0 };
    check("provisioning, 2 faults, death, DELETE", &Provisioning::from_post(bounds), 1_000_000);
}

#[test]
fn an_active_tenant_holds_with_a_fault_two_tier_changes_and_a_deactivation() {
    let bounds = Bounds { faults: 1, patches: 2, deletes: 1, deaths: 0, losses: 0 };
    check("active, 1 fault, 2 PATCHes, DELETE", &Provisioning::from_active(bounds), 1_900_000);
}

#[test]
fn provisioning_holds_with_a_fault_a_person_who_ends_the_subscription_a_tier_change_and_a_deactivation() {
    let bounds = Bounds { faults: 1, patches: 1, deletes: 1, deaths: 0, losses: 1 };
    check("provisioning, 1 fault, loss, PATCH, DELETE", &Provisioning::from_post(bounds), 1_200_000);
}

#[test]
fn an_active_tenant_holds_with_two_faults_a_person_who_ends_subscriptions_a_tier_change_and_a_deactivation() {
    let bounds = Bounds { faults: 2, patches: 1, deletes: 1, deaths: 0, losses: 2 };
    check("active, 2 faults, 2 losses, PATCH, DELETE", &Provisioning::from_active(bounds), 900_000);
}

#[test]
fn an_active_tenant_holds_with_three_faults_a_tier_change_and_a_deactivation() {
    let bounds = Bounds { faults: 3, patches: 1, deletes: 1, deaths: 0, losses: 0 };
    check("active, 3 faults, PATCH, DELETE", &Provisioning::from_active(bounds), 250_000);
}
