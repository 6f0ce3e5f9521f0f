//! Executions and their failure, the reconciler, and the routes. Each act is one statement.

use crate::invocation::{At, Invocation, Job};
use crate::protocol::Broken;
use crate::ticks::WINDOW;
use crate::tier::Tier;
use crate::work::wanted_by_row;
use crate::world::{Event, Execution, Promise, State, Task, World};

/// `StartExecution`, which starts an execution once per name.
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
    if world.invocations.iter().flatten().any(|invocation| invocation.awaited && invocation.attempt() == Some(attempt))
    {
        return false;
    }
    world.executions[usize::from(attempt)] = Execution::At(task);
    let job = match task {
        Task::Create => Job::Create { attempt },
        Task::Await => Job::Await { attempt },
        Task::Activate => Job::Activate { attempt, tier: None },
    };
    world.spawn(Invocation { job, at: At::Begin, holds: false, awaited: true })
}

fn nobody_awaits(world: &mut World, attempt: u8) -> bool {
    let invocation = world
        .invocations
        .iter_mut()
        .flatten()
        .find(|invocation| invocation.awaited && invocation.attempt() == Some(attempt));
    invocation.is_some_and(|invocation| std::mem::take(&mut invocation.awaited))
}

pub(crate) fn abort(world: &mut World, attempt: u8) -> bool {
    let is_running = world.executions[usize::from(attempt)].is_running();
    if is_running {
        world.executions[usize::from(attempt)] = Execution::Ended;
        nobody_awaits(world, attempt);
    }
    is_running
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

/// `record-failure`. Without an answer (`heard`) it will be repeated.
pub(crate) fn record(world: &mut World, attempt: u8, broken: Broken, heard: bool) -> bool {
    let execution = world.executions[usize::from(attempt)];
    let recorded = execution == Execution::Recording && fail_attempt(world, attempt, broken);
    if recorded && heard {
        world.executions[usize::from(attempt)] = Execution::Ended;
    }
    recorded
}

/// `run_failed.sql`. False if an invocation holds the lease: it will be tried again.
fn fail_attempt(world: &mut World, attempt: u8, broken: Broken) -> bool {
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

/// `runs::look_after`.
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
        execution => execution.is_over() && fail_attempt(world, row.attempt, broken),
    }
}

pub(crate) fn settle(world: &mut World, intent: u8) -> bool {
    let settled_here = matches!(world.row.state, State::Active | State::Deprovisioned);
    if world.promises[usize::from(intent)] != Promise::Open(0) || world.row.lease > 0 || !settled_here {
        return false;
    }
    let job = Job::Settle { intent, wanted: wanted_by_row(world) };
    world.spawn(Invocation { job, at: At::Look, holds: true, awaited: false })
}

pub(crate) fn post(world: &mut World, correction: Option<Tier>) -> bool {
    if world.row.state != State::Failed || world.row.lease > 0 {
        return false;
    }
    if let Some(tier) = correction {
        // Billing of the first tier has begun.
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
    world.spawn(Invocation { job, at: At::Promise, holds: true, awaited: false })
}

/// An outbox row that no invocation refers to.
fn free_promise(world: &World) -> Option<u8> {
    (0..4).find(|place| {
        let known = |invocation: &Invocation| match invocation.job {
            Job::Change { intent, .. } | Job::Settle { intent, .. } => intent == *place,
            Job::Create { .. } | Job::Await { .. } | Job::Activate { .. } => false,
        };
        world.promises[usize::from(*place)] == Promise::Closed && !world.invocations.iter().flatten().any(known)
    })
}

/// `tenant_deactivate.sql`, and stopping the execution.
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
    // The lease is fenced, but not free.
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
