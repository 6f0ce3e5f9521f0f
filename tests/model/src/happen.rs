//! What each act changes.

use crate::act::Act;
use crate::call::Call;
use crate::invocation::At;
use crate::pipeline::{
    abort, delete, give_up, invoke, look_after, patch, post, publish, record, settle, start, tell, time_out,
};
use crate::protocol::Broken;
use crate::ticks::{DAY, WINDOW};
use crate::work::{Acting, Fate};
use crate::world::{Key, Project, Promise, World};

/// The world after an act; `None` if the act cannot happen or changes nothing.
pub(crate) fn after(before: &World, act: Act, broken: Broken) -> Option<World> {
    let mut world = *before;
    if act.is_fault() {
        world.left.faults = world.left.faults.checked_sub(1)?;
    }
    if !happen(&mut world, act, broken) {
        return None;
    }
    world.normalize();
    (world != *before).then_some(world)
}

fn happen(world: &mut World, act: Act, broken: Broken) -> bool {
    let reconciles = broken != Broken::NoReconciler;
    match act {
        Act::Tick => tick(world),
        Act::Day => day(world),
        Act::Appear(id) => appear(world, id),
        Act::Rise(id) => comes_up(world, id, Project::Healthy),
        Act::Perish(id) => {
            let dies = world.left.deaths.checked_sub(1);
            world.left.deaths = dies.unwrap_or_default();
            dies.is_some() && comes_up(world, id, Project::Dead)
        }
        Act::PeriodEnds => period_ends(world),
        Act::Lose => lose(world),
        Act::Go(place) => Acting::new(world, broken, place).is_some_and(Acting::go),
        Act::Hear(place, fate) => hear(world, broken, place, fate),
        Act::Die(place) => Acting::new(world, broken, place).is_some_and(Acting::dies),
        Act::Land(place) => adrift(world, place).is_some_and(|call| {
            world.take_effect(call, broken);
            true
        }),
        Act::Vanish(place) => adrift(world, place).is_some(),
        Act::Start => start(world),
        Act::StartLost => world.starting.take().is_some(),
        Act::Invoke(attempt) => invoke(world, attempt),
        Act::GiveUp(attempt) => give_up(world, attempt),
        Act::TimeOut(attempt) => time_out(world, attempt),
        Act::Abort(attempt) => abort(world, attempt),
        Act::Record(attempt) => record(world, attempt, broken, true),
        Act::RecordUnheard(attempt) => record(world, attempt, broken, false),
        Act::LookAfter => reconciles && look_after(world, broken),
        Act::Publish => reconciles && publish(world, broken),
        Act::Tell => tell(world),
        Act::TellLost => std::mem::take(&mut world.telling),
        Act::Settle(intent) => reconciles && settle(world, intent),
        Act::Post(correction) => post(world, correction),
        Act::Patch(tier) => patch(world, tier),
        Act::Delete { stopped } => delete(world, stopped, broken),
    }
}

fn tick(world: &mut World) -> bool {
    // Time does not pass until everything that is due has happened.
    if world.flights().any(|flight| flight.left == 0) || world.projects.contains(&Some(Project::Hidden(0))) {
        return false;
    }
    world.row.lease = world.row.lease.saturating_sub(1);
    if world.row.lease == 0 {
        world.nobody_holds();
    }
    if let Some(row) = &mut world.project {
        row.age = (row.age + 1).min(WINDOW);
    }
    if let Some(row) = world.subscription.as_mut().filter(|row| row.age < WINDOW) {
        row.age += 1;
    }
    for promise in &mut world.promises {
        if let Promise::Open(due) = promise {
            *due = due.saturating_sub(1);
        }
    }
    for project in world.projects.iter_mut().flatten() {
        if let Project::Hidden(left) = project {
            *left -= 1;
        }
    }
    for invocation in world.invocations.iter_mut().flatten() {
        if let At::Await { flight, .. } = &mut invocation.at {
            flight.left -= 1;
        }
    }
    for flight in world.adrift.iter_mut().flatten() {
        flight.left -= 1;
    }
    true
}

fn day(world: &mut World) -> bool {
    let quiet = world.invocations.iter().all(Option::is_none) && world.adrift.iter().all(Option::is_none);
    let Some(row) = world.subscription.as_mut().filter(|row| !row.confirmed && quiet) else { return false };
    (row.age, row.key) = (DAY, 0);
    world.stripe.keys = [Key::Unknown; 4];
    world.stripe.next_key = 1;
    world.row.lease = 0;
    if let Some(row) = &mut world.project {
        row.age = WINDOW;
    }
    for id in 0..4 {
        appear(world, id);
    }
    for promise in &mut world.promises {
        if let Promise::Open(due) = promise {
            *due = 0;
        }
    }
    true
}

fn appear(world: &mut World, id: u8) -> bool {
    let project = &mut world.projects[usize::from(id)];
    let hidden = matches!(project, Some(Project::Hidden(_)));
    if hidden {
        // Only if projects may die does step 2 look at them.
        *project = Some(if world.row.healthy { Project::Healthy } else { Project::ComingUp });
    }
    hidden
}

fn comes_up(world: &mut World, id: u8, into: Project) -> bool {
    let project = &mut world.projects[usize::from(id)];
    let coming_up = *project == Some(Project::ComingUp);
    if coming_up {
        *project = Some(into);
    }
    coming_up
}

fn period_ends(world: &mut World) -> bool {
    let ends = world.stripe.live > 0 && world.stripe.cancelling;
    if ends {
        world.stripe.live -= 1;
    }
    ends
}

fn lose(world: &mut World) -> bool {
    let loses = world.stripe.live > 0 && world.left.losses > 0;
    if loses {
        world.left.losses -= 1;
        world.stripe.live -= 1;
        world.stripe.lost = true;
    }
    loses
}

fn hear(world: &mut World, broken: Broken, place: u8, fate: Fate) -> bool {
    let keys = world.stripe.keys;
    let Some(acting) = Acting::new(world, broken, place) else { return false };
    let Some(flight) = acting.invocation.flight() else { return false };
    let possible = match (fate, flight.call) {
        // Stripe answers what it has stored for the key.
        (Fate::Refused | Fate::Error { .. }, Call::Subscribe { key, .. }) => keys[usize::from(key)] == Key::Unknown,
        (Fate::Answered | Fate::Cut | Fate::Refused, _) => true,
        (Fate::Error { .. }, _) => false,
    };
    if possible {
        acting.hears(fate);
    }
    possible
}

fn adrift(world: &mut World, place: u8) -> Option<Call> {
    world.adrift[usize::from(place)].take().map(|flight| flight.call)
}
