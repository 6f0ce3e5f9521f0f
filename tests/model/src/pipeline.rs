//! Executions, their failure, who looks after them, and the routes: one statement each.

use crate::copy::{At, Copy, Job};
use crate::protocol::Broken;
use crate::work::wanted_by_row;
use crate::world::{Event, Execution, Promise, State, Task, Tier, WINDOW, World};

/// `StartExecution`: once per name.
pub(crate) fn start(world: &mut World) -> bool {
    let Some(attempt) = world.starting.take() else { return false };
    let execution = &mut world.executions[usize::from(attempt)];
    if *execution == Execution::Absent {
        *execution = Execution::At(Task::Create);
    }
    true
}

pub(crate) fn invoke(world: &mut World, attempt: u8) -> bool {
    let execution = world.executions[usize::from(attempt)];
    let (Execution::At(task) | Execution::Troubled(task)) = execution else { return false };
    if world.copies.iter().flatten().any(|copy| copy.awaited && copy.attempt() == Some(attempt)) {
        return false;
    }
    world.executions[usize::from(attempt)] = Execution::At(task);
    let job = match task {
        Task::Create => Job::Create { attempt },
        Task::Await => Job::Await { attempt },
        Task::Activate => Job::Activate { attempt, tier: None },
    };
    world.spawn(Copy { job, at: At::Begin, holds: false, awaited: true })
}

fn nobody_awaits(world: &mut World, attempt: u8) -> bool {
    let copy = world.copies.iter_mut().flatten().find(|copy| copy.awaited && copy.attempt() == Some(attempt));
    copy.is_some_and(|copy| std::mem::take(&mut copy.awaited))
}

pub(crate) fn abort(world: &mut World, attempt: u8) -> bool {
    let runs = world.executions[usize::from(attempt)].runs();
    if runs {
        world.executions[usize::from(attempt)] = Execution::Ended;
        nobody_awaits(world, attempt);
    }
    runs
}

pub(crate) fn give_up(world: &mut World, attempt: u8) -> bool {
    let execution = &mut world.executions[usize::from(attempt)];
    let troubled = matches!(execution, Execution::Troubled(_));
    if troubled {
        *execution = Execution::Recording;
    }
    troubled
}

pub(crate) fn time_out(world: &mut World, attempt: u8) -> bool {
    let Execution::At(task) = world.executions[usize::from(attempt)] else { return false };
    let awaited = nobody_awaits(world, attempt);
    world.executions[usize::from(attempt)] = Execution::Troubled(task);
    awaited
}

/// `record-failure`; unless it is heard, it is going to be repeated.
pub(crate) fn record(world: &mut World, attempt: u8, broken: Broken, heard: bool) -> bool {
    let execution = world.executions[usize::from(attempt)];
    let recorded = execution == Execution::Recording && fail_run(world, attempt, broken);
    if recorded && heard {
        world.executions[usize::from(attempt)] = Execution::Ended;
    }
    recorded
}

/// `run_failed.sql`. False: a copy holds the lease, try again.
fn fail_run(world: &mut World, attempt: u8, broken: Broken) -> bool {
    let row = world.row;
    let current = row.attempt == attempt || broken == Broken::FailureIgnoresAttempt;
    let open = row.state == State::Provisioning || broken == Broken::FailureIgnoresState;
    if !(current && open) {
        return true;
    }
    let free = row.lease == 0 || broken == Broken::FailureIgnoresLease;
    if free {
        world.row.state = State::Failed;
        world.free_lease();
    }
    free
}

/// `pipeline::look_after`.
pub(crate) fn look_after(world: &mut World, broken: Broken) -> bool {
    let row = world.row;
    if row.state != State::Provisioning || row.lease > 0 {
        return false;
    }
    match world.execution() {
        Execution::Absent if world.starting.is_none() => {
            world.starting = Some(row.attempt);
            true
        }
        execution => execution.is_over() && fail_run(world, row.attempt, broken),
    }
}

pub(crate) fn settle(world: &mut World, intent: u8) -> bool {
    let settled_here = matches!(world.row.state, State::Active | State::Deprovisioned);
    if world.promises[usize::from(intent)] != Promise::Open(0) || world.row.lease > 0 || !settled_here {
        return false;
    }
    let job = Job::Settle { intent, wanted: wanted_by_row(world) };
    world.spawn(Copy { job, at: At::Look, holds: true, awaited: false })
}

pub(crate) fn post(world: &mut World, correction: Option<Tier>) -> bool {
    if world.row.state != State::Failed || world.row.lease > 0 {
        return false;
    }
    if let Some(tier) = correction {
        // Billing of the tier first given was begun.
        if world.subscription.is_some() || world.left.patches == 0 || tier == world.row.tier {
            return false;
        }
        world.left.patches -= 1;
        world.row.tier = tier;
    }
    world.row.state = State::Provisioning;
    world.row.attempt += 1;
    world.starting = Some(world.row.attempt);
    world.free_lease();
    true
}

pub(crate) fn patch(world: &mut World, tier: Tier) -> bool {
    let row = world.row;
    if row.state != State::Active || row.lease > 0 || row.tier == tier || world.left.patches == 0 {
        return false;
    }
    world.left.patches -= 1;
    let Some(intent) = free_promise(world) else { return false };
    let job = Job::Change { tier, intent, touched: false };
    world.spawn(Copy { job, at: At::Promise, holds: true, awaited: false })
}

/// An outbox row nobody knows of.
fn free_promise(world: &World) -> Option<u8> {
    (0..4).find(|place| {
        let known = |copy: &Copy| match copy.job {
            Job::Change { intent, .. } | Job::Settle { intent, .. } => intent == *place,
            Job::Create { .. } | Job::Await { .. } | Job::Activate { .. } => false,
        };
        world.promises[usize::from(*place)] == Promise::Closed && !world.copies.iter().flatten().any(known)
    })
}

/// `tenant_deactivate.sql`, and the execution's stop.
pub(crate) fn delete(world: &mut World, stopped: bool, broken: Broken) -> bool {
    let row = world.row;
    if row.state == State::Deprovisioned || world.left.deletes == 0 {
        return false;
    }
    world.left.deletes -= 1;
    let provisioning = row.state == State::Provisioning;
    if stopped && !(provisioning && abort(world, row.attempt)) {
        return false;
    }
    world.row.state = State::Deprovisioned;
    world.row.attempt += u8::from(provisioning);
    // Fenced, not handed over.
    world.nobody_holds();
    if row.lease > 0 || row.tier.is_some() || world.subscription.is_some() {
        let unanswered = world.subscription.is_some_and(|row| !row.confirmed)
            || world.promises.iter().any(|promise| matches!(promise, Promise::Open(_)));
        let unanswered = unanswered && broken != Broken::DeactivationDueAtOnce;
        let over = if unanswered { WINDOW } else { 0 };
        let Some(place) = free_promise(world) else { return false };
        world.promises[usize::from(place)] = Promise::Open(row.lease.max(over));
    }
    true
}

pub(crate) fn publish(world: &mut World, broken: Broken) -> bool {
    let due = world.event == Event::Promised && !world.telling;
    if due {
        world.publish(broken);
        world.telling = true;
    }
    due
}

pub(crate) fn tell(world: &mut World) -> bool {
    let telling = std::mem::take(&mut world.telling);
    if telling {
        world.event = Event::Delivered;
    }
    telling
}
