//! Everything that can happen next.

use crate::invocation::{At, Invocation};
use crate::tier::{TIERS, Tier};
use crate::work::Fate;
use crate::world::{Execution, Project, Promise, State, World};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Time passes.
    Tick,
    /// A day passes while no invocation is at work: Stripe forgets its keys.
    Day,
    /// A project shows in the list.
    Appear(u8),
    /// A project becomes healthy.
    Rise(u8),
    /// A project will never become healthy.
    Perish(u8),
    /// The period of a cancelled subscription ends.
    PeriodEnds,
    /// A person ends the subscription at once, or deletes its customer, in Stripe's dashboard.
    Lose,
    /// An invocation performs its next act.
    Go(u8),
    /// An invocation's call ends like this.
    Hear(u8, Fate),
    /// An invocation's process is killed.
    Die(u8),
    /// A call whose caller is gone has its effect.
    Land(u8),
    /// A call whose caller is gone has no effect.
    Vanish(u8),
    /// `StartExecution` has its effect.
    Start,
    /// The process that was to start the execution died before it did, or the call was lost.
    StartLost,
    /// An execution invokes its task.
    Invoke(u8),
    /// An execution stops retrying its task.
    GiveUp(u8),
    /// An execution no longer waits for its task. The invocation may go on.
    TimeOut(u8),
    /// An execution is stopped, times out as a whole, or cannot invoke `record-failure`.
    Abort(u8),
    /// `record-failure`.
    Record(u8),
    /// `record-failure`, but its answer is lost. It will be repeated.
    RecordUnheard(u8),
    /// The reconciler takes care of an attempt that no process works on.
    LookAfter,
    /// The reconciler publishes the event.
    Publish,
    /// The reconciler records that the event is published.
    Tell,
    /// The reconciler dies before it records that.
    TellLost,
    /// The reconciler settles an open intent.
    Settle(u8),
    /// POST of a failed tenant, with another tier if one is given.
    Post(Option<Tier>),
    /// PATCH.
    Patch(Tier),
    /// DELETE.
    Delete {
        /// Whether the execution is stopped as well.
        stopped: bool,
    },
}

impl Act {
    /// Whether the act happens sooner or later: the system does it without a request, or a caller resumes a failed
    /// tenant. Faults, further requests and luck may never happen.
    #[must_use]
    pub const fn may_be_counted_on(self) -> bool {
        match self {
            Self::Tick
            | Self::Appear(_)
            | Self::Rise(_)
            | Self::Go(_)
            | Self::Hear(_, Fate::Answered)
            | Self::Land(_)
            | Self::Vanish(_)
            | Self::Start
            | Self::Invoke(_)
            | Self::Record(_)
            | Self::LookAfter
            | Self::Publish
            | Self::Tell
            | Self::Settle(_)
            | Self::Post(None) => true,
            Self::Day
            | Self::PeriodEnds
            | Self::Lose
            | Self::Perish(_)
            | Self::Hear(..)
            | Self::Die(_)
            | Self::StartLost
            | Self::GiveUp(_)
            | Self::TimeOut(_)
            | Self::Abort(_)
            | Self::RecordUnheard(_)
            | Self::TellLost
            | Self::Post(Some(_))
            | Self::Patch(_)
            | Self::Delete { .. } => false,
        }
    }

    pub(crate) const fn is_fault(self) -> bool {
        matches!(
            self,
            Self::Hear(_, Fate::Cut | Fate::Refused | Fate::Error { .. })
                | Self::Die(_)
                | Self::StartLost
                | Self::TimeOut(_)
                | Self::Abort(_)
                | Self::RecordUnheard(_)
                | Self::TellLost
        )
    }
}

/// What may happen next. Some of these acts change nothing.
pub(crate) fn possible(world: &World, acts: &mut Vec<Act>) {
    acts.extend([Act::Tick, Act::Day, Act::PeriodEnds, Act::Lose]);
    acts.extend([Act::LookAfter, Act::Publish, Act::Tell, Act::TellLost]);
    if world.starting.is_some() {
        acts.extend([Act::Start, Act::StartLost]);
    }
    if world.row.state == State::Failed {
        acts.push(Act::Post(None));
        acts.extend(TIERS.map(|tier| Act::Post(Some(tier))));
    }
    acts.extend(TIERS.into_iter().filter(|_| world.left.patches > 0).map(Act::Patch));
    if world.left.deletes > 0 {
        acts.extend([Act::Delete { stopped: true }, Act::Delete { stopped: false }]);
    }
    for (place, invocation) in places(&world.invocations) {
        match invocation {
            Some(Invocation { at: At::Await { .. }, .. }) => {
                acts.push(Act::Hear(place, Fate::Answered));
                acts.extend([Fate::Cut, Fate::Refused].map(|fate| Act::Hear(place, fate)));
                acts.extend([false, true].map(|made| Act::Hear(place, Fate::Error { made })));
                acts.push(Act::Die(place));
            }
            Some(_) => acts.extend([Act::Go(place), Act::Die(place)]),
            None => {}
        }
    }
    for (attempt, execution) in places(&world.executions) {
        match execution {
            Execution::At(_) => acts.extend([Act::Invoke(attempt), Act::TimeOut(attempt), Act::Abort(attempt)]),
            Execution::Troubled(_) => acts.extend([Act::Invoke(attempt), Act::GiveUp(attempt), Act::Abort(attempt)]),
            Execution::Recording => {
                acts.extend([Act::Record(attempt), Act::RecordUnheard(attempt), Act::Abort(attempt)]);
            }
            Execution::Absent | Execution::Ended | Execution::Succeeded => {}
        }
    }
    for (place, _) in places(&world.adrift).filter(|(_, flight)| flight.is_some()) {
        acts.extend([Act::Land(place), Act::Vanish(place)]);
    }
    for (id, _) in places(&world.projects).filter(|(_, it)| matches!(it, Some(Project::Hidden(_)))) {
        acts.push(Act::Appear(id));
    }
    for (id, _) in places(&world.projects).filter(|(_, it)| **it == Some(Project::ComingUp)) {
        acts.extend([Act::Rise(id), Act::Perish(id)]);
    }
    for (intent, _) in places(&world.promises).filter(|(_, promise)| **promise == Promise::Open(0)) {
        acts.push(Act::Settle(intent));
    }
    if world.left.faults == 0 {
        acts.retain(|act| !act.is_fault());
    }
}

fn places<T>(all: &[T]) -> impl Iterator<Item = (u8, &T)> {
    (0..).zip(all)
}
