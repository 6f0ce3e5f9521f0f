//! The protocol with something left out. In each case the checker finds the resulting error.

use std::collections::BTreeSet;

use model::{
    ACTIVE_SINCE_STEP_9, BILLING_AGREES, Bounds, Broken, FAILED_IS_OVER, Graph, NOTHING_LOST, ONE_CALLER, ONE_EVENT,
    ONE_PROJECT, ONE_SUBSCRIPTION, Provisioning, STALE_CHANGES_NOTHING,
};
use stateright::{Checker, HasDiscoveries, Model};

const PROVISIONING: Bounds = Bounds { faults: 2, patches: 0, deletes: 1, deaths: 0, losses: 0 };
const DEATH: Bounds = Bounds { faults: 2, patches: 0, deletes: 1, deaths: 1, losses: 0 };
const CHANGE: Bounds = Bounds { faults: 1, patches: 1, deletes: 1, deaths: 0, losses: 0 };

const LOSS: Bounds = Bounds { faults: 1, patches: 1, deletes: 1, deaths: 0, losses: 1 };

/// Finds the shortest path to a world without `property`. `holds.rs` shows that there is none if nothing is left out,
/// within bounds that include these.
fn refutes(property: &'static str, model: Provisioning, broken: Broken) {
    let only = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = model.without(broken).checker().finish_when(only).spawn_bfs().join();
    let path = checker.discovery(property).expect("a path to a world without the property");
    println!("not \"{property}\" after {:?}", path.into_actions());
}

#[test]
fn without_the_search_by_name_there_are_two_projects() {
    refutes(ONE_PROJECT, Provisioning::from_post(PROVISIONING), Broken::NoLookUp);
}

#[test]
fn believing_that_an_unlisted_project_does_not_exist_leads_to_two_projects() {
    refutes(ONE_PROJECT, Provisioning::from_post(PROVISIONING), Broken::NotListedIsNotThere);
}

#[test]
fn with_the_intent_after_the_call_a_project_is_lost() {
    refutes(NOTHING_LOST, Provisioning::from_post(PROVISIONING), Broken::IntentAfterCall);
}

#[test]
fn without_the_fence_there_are_two_projects() {
    refutes(ONE_PROJECT, Provisioning::from_post(PROVISIONING), Broken::NoFence);
}

#[test]
fn without_the_calls_time_in_the_fence_stripe_and_the_row_disagree() {
    refutes(BILLING_AGREES, Provisioning::from_active(CHANGE), Broken::FenceForgetsCall);
}

#[test]
fn without_the_calls_time_in_the_fence_two_invocations_call_at_once() {
    refutes(ONE_CALLER, Provisioning::from_post(PROVISIONING), Broken::FenceForgetsCall);
}

#[test]
fn without_the_lease_in_completions_stripe_and_the_row_disagree() {
    refutes(BILLING_AGREES, Provisioning::from_active(CHANGE), Broken::CompletionIgnoresLease);
}

#[test]
fn if_a_dead_project_is_recorded_without_the_lease_a_project_is_lost() {
    refutes(NOTHING_LOST, Provisioning::from_post(DEATH), Broken::BurialIgnoresLease);
}

#[test]
fn with_a_new_key_for_every_try_there_are_two_subscriptions() {
    refutes(ONE_SUBSCRIPTION, Provisioning::from_post(PROVISIONING), Broken::NewKeyEveryTime);
}

#[test]
fn without_the_search_after_a_replayed_error_there_are_two_subscriptions() {
    refutes(ONE_SUBSCRIPTION, Provisioning::from_post(PROVISIONING), Broken::ReplayIsNotThere);
}

#[test]
fn without_an_intent_of_a_tier_change_stripe_and_the_row_disagree() {
    refutes(BILLING_AGREES, Provisioning::from_active(CHANGE), Broken::NoBillingIntent);
}

#[test]
fn with_the_intent_of_a_tier_change_due_at_once_stripe_and_the_row_disagree() {
    refutes(BILLING_AGREES, Provisioning::from_active(CHANGE), Broken::ChangeDueAtOnce);
}

#[test]
fn with_the_intent_of_a_deactivation_due_at_once_a_subscription_outlives_its_tenant() {
    refutes(BILLING_AGREES, Provisioning::from_post(PROVISIONING), Broken::DeactivationDueAtOnce);
}

#[test]
fn if_a_subscription_that_is_gone_is_an_error_a_deactivation_is_never_settled() {
    let graph = Graph::of(&Provisioning::from_active(LOSS).without(Broken::GoneIsRefused));
    let way = graph.never_ends_by_itself().expect("a world without an end");
    println!("no end without a caller after {way:?}");
}

#[test]
fn if_a_refused_change_forgets_that_the_subscription_is_gone_stripe_and_the_row_disagree() {
    refutes(BILLING_AGREES, Provisioning::from_active(LOSS), Broken::GoneIsUntouched);
}

#[test]
fn record_failure_without_the_attempt_fails_the_next_attempt() {
    refutes(FAILED_IS_OVER, Provisioning::from_post(PROVISIONING), Broken::FailureIgnoresAttempt);
}

#[test]
fn record_failure_without_the_lease_fails_an_attempt_during_a_call() {
    refutes(FAILED_IS_OVER, Provisioning::from_post(PROVISIONING), Broken::FailureIgnoresLease);
}

#[test]
fn record_failure_without_the_state_fails_an_active_tenant() {
    refutes(ACTIVE_SINCE_STEP_9, Provisioning::from_post(PROVISIONING), Broken::FailureIgnoresState);
}

#[test]
fn a_step_that_ignores_its_attempt_acts_for_an_older_one() {
    refutes(STALE_CHANGES_NOTHING, Provisioning::from_post(PROVISIONING), Broken::BeginIgnoresAttempt);
}

#[test]
fn without_the_mark_the_event_is_published_twice() {
    refutes(ONE_EVENT, Provisioning::from_post(PROVISIONING), Broken::NoMark);
}

#[test]
fn without_the_reconciler_an_attempt_waits_for_ever() {
    let graph = Graph::of(&Provisioning::from_post(PROVISIONING).without(Broken::NoReconciler));
    let way = graph.never_ends_well().expect("a world without a good end");
    println!("no good end after {way:?}");
    let way = graph.never_ends_by_itself().expect("a world without an end");
    println!("no end without a caller after {way:?}");
}

#[test]
fn if_a_project_is_listed_later_than_two_minutes_there_are_two_projects() {
    refutes(ONE_PROJECT, Provisioning::from_post(PROVISIONING), Broken::ListedTooLate);
}

#[test]
fn if_a_refused_request_may_succeed_later_a_subscription_is_lost() {
    refutes(NOTHING_LOST, Provisioning::from_post(PROVISIONING), Broken::RefusalNotKept);
}
