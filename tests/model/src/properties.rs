//! What holds in every world.

use stateright::Property;

use crate::call::Call;
use crate::invocation::{At, Invocation, Job};
use crate::provisioning::Provisioning;
use crate::ticks::DAY;
use crate::world::{Event, Execution, Key, Project, State, World};

/// Never two projects.
pub const ONE_PROJECT: &str = "never two projects";
/// Never two live subscriptions.
pub const ONE_SUBSCRIPTION: &str = "never two subscriptions";
/// Everything that exists outside, or may still come to exist, is in the ledger.
pub const NOTHING_LOST: &str = "nothing is lost";
/// An id in the ledger belongs to something that exists.
pub const NOTHING_INVENTED: &str = "nothing is invented";
/// If the tenant is active, everything exists.
pub const ACTIVE_IS_MADE: &str = "active is made";
/// Stripe bills the row's tier, or an open intent says that it may not, or nobody has looked since a person changed that.
pub const BILLING_AGREES: &str = "billing agrees or an intent says so";
/// The tenant is active only after step 9's transaction. After it, the tenant is never failed or provisioning again.
pub const ACTIVE_SINCE_STEP_9: &str = "active since step 9 and failed never after";
/// If the tenant is failed, its attempt is over: its execution begins no other step, and no invocation waits for a
/// call.
pub const FAILED_IS_OVER: &str = "failed is over";
/// The event is published at most once, and never before the activation.
pub const ONE_EVENT: &str = "one event";
/// An event that is marked as delivered is published.
pub const DELIVERED_IS_PUBLISHED: &str = "delivered is published";
/// Two invocations never wait for a call at the same time.
pub const ONE_CALLER: &str = "never two callers";
/// An invocation that holds the lease for an attempt holds it for the current attempt, and only while the tenant is
/// provisioning.
pub const STALE_CHANGES_NOTHING: &str = "a stale attempt changes nothing";

pub(crate) fn safety() -> Vec<Property<Provisioning>> {
    vec![
        Property::always(ONE_PROJECT, |_, world: &World| there(world) < 2),
        Property::always(ONE_SUBSCRIPTION, |_, world: &World| world.stripe.live < 2),
        Property::always(NOTHING_LOST, |_, world: &World| nothing_is_lost(world)),
        Property::always(NOTHING_INVENTED, |_, world: &World| nothing_is_invented(world)),
        Property::always(ACTIVE_IS_MADE, |_, world: &World| {
            let project = world.project.and_then(|row| row.id).and_then(|id| world.projects[usize::from(id)]);
            let works = matches!(project, Some(Project::Healthy | Project::Hidden(_)));
            world.row.state != State::Active || (world.row.made && world.row.healthy && works)
        }),
        Property::always(BILLING_AGREES, |_, world: &World| {
            let settled_by_intents = matches!(world.row.state, State::Active | State::Deprovisioned);
            !settled_by_intents || world.billing_agrees() || world.billing_is_open() || world.stripe.lost
        }),
        Property::always(ACTIVE_SINCE_STEP_9, |_, world: &World| match world.row.state {
            State::Provisioning | State::Failed => !world.row.activated && world.event == Event::Absent,
            State::Active => world.row.activated && world.event != Event::Absent,
            State::Deprovisioned => world.row.activated == (world.event != Event::Absent),
        }),
        Property::always(FAILED_IS_OVER, |_, world: &World| {
            world.row.state != State::Failed
                || (calling(world) == 0 && matches!(world.execution(), Execution::Recording | Execution::Ended))
        }),
        Property::always(ONE_EVENT, |_, world: &World| world.published <= u8::from(world.row.activated)),
        Property::always(DELIVERED_IS_PUBLISHED, |_, world: &World| {
            world.event != Event::Delivered || world.published == 1
        }),
        Property::always(ONE_CALLER, |_, world: &World| calling(world) < 2),
        Property::always(STALE_CHANGES_NOTHING, |_, world: &World| {
            let current = |attempt| world.row.state == State::Provisioning && world.row.attempt == attempt;
            world
                .invocations
                .iter()
                .flatten()
                .filter(|invocation| invocation.holds)
                .filter_map(Invocation::attempt)
                .all(current)
        }),
    ]
}

/// What has to happen in some world. Otherwise the model would hold only because nothing goes wrong in it.
pub(crate) fn occurrences() -> Vec<Property<Provisioning>> {
    vec![
        Property::sometimes("active and at rest", |_, world: &World| {
            world.row.state == State::Active && world.is_at_rest()
        }),
        Property::sometimes("active, then deprovisioned and at rest", |_, world: &World| {
            world.row.state == State::Deprovisioned && world.row.activated && world.is_at_rest()
        }),
        Property::sometimes("an invocation outlives its lease", |_, world: &World| {
            let mut invocations = world.invocations.iter().flatten();
            invocations.any(|invocation| {
                !invocation.holds && matches!(invocation.at, At::Renew | At::Confirm { .. } | At::Finish)
            })
        }),
        Property::sometimes("a call outlives its caller's lease", |_, world: &World| {
            calling(world) > 0 && world.adrift.iter().any(Option::is_some)
        }),
        Property::sometimes("a deactivation under a lease", |_, world: &World| {
            world.row.state == State::Deprovisioned && world.row.lease > 0 && calling(world) > 0
        }),
        Property::sometimes("a day goes by", |_, world: &World| world.subscription.is_some_and(|row| row.age == DAY)),
        Property::sometimes("an error is replayed", |_, world: &World| {
            world
                .invocations
                .iter()
                .flatten()
                .any(|invocation| invocation.at == At::Find && world.stripe.keys.contains(&Key::Error))
        }),
    ]
}

/// What has to happen in some world between a POST and its end.
pub(crate) fn occurrences_of_an_attempt() -> Vec<Property<Provisioning>> {
    vec![
        Property::sometimes("failed and at rest", |_, world: &World| {
            world.row.state == State::Failed && world.is_at_rest()
        }),
        Property::sometimes("a project is adopted", |_, world: &World| {
            creating(world, |at| matches!(at, At::Confirm { fresh: false, .. }))
        }),
        Property::sometimes("a project is asked for again", |_, world: &World| {
            creating(world, |at| matches!(at, At::Await { fresh: false, .. }))
        }),
        Property::sometimes("two invocations of one task", |_, world: &World| {
            world.invocations.iter().flatten().filter(|invocation| matches!(invocation.job, Job::Create { .. })).count()
                == 2
        }),
        Property::sometimes("an older attempt is still at work", |_, world: &World| {
            world.row.state == State::Provisioning
                && world
                    .invocations
                    .iter()
                    .flatten()
                    .any(|invocation| invocation.attempt().is_some_and(|it| it < world.row.attempt))
        }),
        Property::sometimes("the event is delivered twice", |_, world: &World| {
            world.telling && world.invocations.iter().flatten().any(|invocation| invocation.at == At::Tell)
        }),
    ]
}

/// What has to happen in some world if projects may die.
pub(crate) fn occurrences_of_a_death() -> Vec<Property<Provisioning>> {
    vec![
        Property::sometimes("a dead project is deleted", |_, world: &World| {
            world.projects.contains(&Some(Project::Gone))
        }),
        Property::sometimes("another one is asked for, and the tenant is active", |_, world: &World| {
            world.left.deaths == 0 && world.row.state == State::Active && world.is_at_rest()
        }),
    ]
}

/// What has to happen in some world if a person may end the subscription.
pub(crate) fn occurrences_of_a_loss() -> Vec<Property<Provisioning>> {
    vec![
        Property::sometimes("a lost subscription is found by nobody", |_, world: &World| {
            world.stripe.lost && world.is_at_rest()
        }),
        Property::sometimes("a lost subscription is made anew", |_, world: &World| {
            world.left.losses == 0 && world.row.state == State::Active && world.stripe.live == 1 && world.is_at_rest()
        }),
        Property::sometimes("a subscription is lost between a look and a change", |_, world: &World| {
            world.stripe.live == 0
                && world.invocations.iter().flatten().any(|invocation| matches!(invocation.at, At::Update { .. }))
        }),
        Property::sometimes("a subscription is lost before its answer arrives", |_, world: &World| {
            world.stripe.live == 0 && world.stripe.keys.contains(&Key::Made)
        }),
    ]
}

/// How many projects exist.
fn there(world: &World) -> usize {
    world.projects.iter().flatten().filter(|project| project.is_there()).count()
}

/// How many invocations wait for a call.
fn calling(world: &World) -> usize {
    world.invocations.iter().flatten().filter(|invocation| invocation.flight().is_some()).count()
}

fn creating(world: &World, at: fn(&At) -> bool) -> bool {
    world
        .invocations
        .iter()
        .flatten()
        .any(|invocation| matches!(invocation.job, Job::Create { .. }) && at(&invocation.at))
}

fn nothing_is_lost(world: &World) -> bool {
    let on_its_way = |call: fn(&Call) -> bool| world.flights().any(|flight| call(&flight.call));
    let project = there(world) > 0 || on_its_way(|call| *call == Call::CreateProject);
    let subscription = world.stripe.live > 0;
    (!project || world.project.is_some()) && (!subscription || world.subscription.is_some())
}

fn nothing_is_invented(world: &World) -> bool {
    let id = world.project.and_then(|row| row.id);
    id.is_none_or(|id| world.projects[usize::from(id)].is_some())
}
