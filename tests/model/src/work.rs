//! What invocations do, act by act.

use crate::call::{Answer, Call};
use crate::copy::{At, Copy, Job};
use crate::protocol::Broken;
use crate::world::{
    CALL, COPIES, Event, Execution, Key, LEASE, POSTPONED, Plan, ProjectRow, Promise, State, SubscriptionRow, Task,
    World,
};

/// How an invocation ends, as its execution hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The step is completed.
    Done,
    /// `Step.Busy`: it is tried again, however often.
    Busy,
    /// Anything else that is tried again, though not for ever.
    Trouble,
    /// `Step.Rejected`, `Step.Superseded`: not tried again.
    Final,
}

/// What becomes of a call whose caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has its effect, and the answer arrives.
    Answered,
    /// The connection is cut, or the time is up; the call may still have its effect.
    Cut,
    /// It is refused; nothing was made.
    Refused,
    /// Stripe answers 500, for ever under this key.
    Error {
        /// And made the subscription all the same.
        made: bool,
    },
}

/// One act of one invocation.
pub(crate) struct Acting<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) copy: Copy,
    pub(crate) broken: Broken,
    place: usize,
}

impl<'a> Acting<'a> {
    /// The invocation in that place, if there is one.
    pub(crate) fn new(world: &'a mut World, broken: Broken, place: u8) -> Option<Self> {
        let place = usize::from(place);
        let copy = world.copies[place]?;
        Some(Self { world, copy, broken, place })
    }

    /// The next act; false where it is to wait.
    pub(crate) fn go(mut self) -> bool {
        match self.copy.at {
            At::Begin => self.begin(),
            At::Promise => self.promise(),
            At::Look => match self.copy.job {
                Job::Create { .. } => self.look_for_project(),
                Job::Await { .. } => self.look_at_project(),
                Job::Activate { .. } | Job::Change { .. } | Job::Settle { .. } => self.look_for_subscription(),
            },
            At::Intend => self.intend(),
            At::Resend => self.resend(),
            At::Find => {
                let found = self.world.stripe.live > 0;
                self.goes_on(if found { At::Confirm { id: 0, fresh: false } } else { At::Renew });
            }
            At::Renew => self.renew(),
            At::Await { .. } => return false,
            At::Confirm { id, fresh } => self.confirm(id, fresh),
            At::Discard => self.discard(),
            At::Bury { id } => self.sends_fenced(Call::DeleteProject { id }),
            At::Unmake => self.unmake(),
            At::Forget => self.forget(),
            At::Update { plan, cancelling } => self.sends_fenced(Call::Change { plan, cancelling }),
            At::Withdraw => {
                if self.holds() {
                    self.close();
                }
                self.ends(End::Final);
            }
            At::Finish => self.finish(),
            At::Publish => {
                let promised = self.world.event == Event::Promised;
                if promised {
                    self.world.publish(self.broken);
                    self.goes_on(At::Tell);
                } else {
                    self.ends(End::Done);
                }
            }
            At::Tell => {
                self.world.event = Event::Delivered;
                self.ends(End::Done);
            }
        }
        true
    }

    /// What becomes of the call it waits for.
    pub(crate) fn hears(mut self, fate: Fate) {
        let At::Await { flight, fresh } = self.copy.at else { return };
        match fate {
            Fate::Answered => match self.world.take_effect(flight.call, self.broken) {
                Answer::Made(id) => {
                    self.copy.touch();
                    match (flight.call, self.copy.job) {
                        (Call::DeleteProject { .. }, Job::Await { .. }) => self.goes_on(At::Unmake),
                        (Call::DeleteProject { .. }, _) => self.ends(End::Busy),
                        (Call::Change { .. }, _) => self.goes_on(At::Finish),
                        (Call::CreateProject | Call::Subscribe { .. }, _) => self.goes_on(At::Confirm { id, fresh }),
                    }
                }
                Answer::Replayed if self.broken == Broken::ReplayIsNotThere => self.goes_on(At::Renew),
                Answer::Replayed => self.goes_on(At::Find),
                Answer::Refused => self.refused(),
            },
            Fate::Cut => {
                self.world.set_adrift(flight);
                self.fails(End::Trouble);
            }
            Fate::Refused => match flight.call {
                // Of an earlier request that was not answered this one's refusal says nothing.
                Call::CreateProject if !fresh => self.fails(End::Trouble),
                Call::DeleteProject { .. } => self.fails(End::Trouble),
                Call::CreateProject => self.goes_on(At::Discard),
                Call::Subscribe { key, .. } => {
                    if self.broken != Broken::RefusalNotKept {
                        self.world.stripe.keys[usize::from(key)] = Key::Error;
                    }
                    self.goes_on(At::Discard);
                }
                Call::Change { .. } => self.refused(),
            },
            Fate::Error { made } => {
                if let Call::Subscribe { key, plan } = flight.call {
                    self.world.stripe.keys[usize::from(key)] = Key::Error;
                    if made {
                        self.world.subscribe(plan);
                    }
                }
                self.fails(End::Trouble);
            }
        }
    }

    /// Its process is gone.
    pub(crate) fn dies(self) -> bool {
        if let Some(flight) = self.copy.flight() {
            self.world.set_adrift(flight);
        }
        self.leaves(End::Trouble);
        true
    }

    fn begin(mut self) {
        let (attempt, completed) = match self.copy.job {
            Job::Create { attempt } => (attempt, self.world.row.made),
            Job::Await { attempt } => (attempt, self.world.row.healthy),
            Job::Activate { attempt, .. } => (attempt, self.world.row.state == State::Active),
            Job::Change { .. } | Job::Settle { .. } => return,
        };
        let row = self.world.row;
        let current = row.attempt == attempt || self.broken == Broken::BeginIgnoresAttempt;
        if current && row.state == State::Provisioning && !completed && row.lease == 0 {
            self.world.nobody_holds();
            self.world.row.lease = LEASE;
            self.copy.holds = true;
            let first = match &mut self.copy.job {
                // A tier that costs nothing asks Stripe nothing.
                Job::Activate { tier, .. } => {
                    *tier = row.tier;
                    if tier.is_none() { At::Finish } else { At::Look }
                }
                _ => At::Look,
            };
            return self.goes_on(first);
        }
        self.ends(match row.state {
            State::Provisioning | State::Active if current && completed => End::Done,
            State::Provisioning if current => End::Busy,
            _ => End::Final,
        });
    }

    fn intend(mut self) {
        if !self.is_fenced() {
            return self.fails(End::Busy);
        }
        if let Some(plan) = self.copy.wanted() {
            if self.world.subscription.is_some() {
                // resources_one_live
                return self.fails(End::Trouble);
            }
            let key = self.world.new_key();
            self.world.subscription = Some(SubscriptionRow { age: 0, key, plan, confirmed: false });
            self.copy.sends(Call::Subscribe { key, plan }, true);
        } else {
            if self.world.project.is_some() {
                return self.fails(End::Trouble);
            }
            self.world.project = Some(ProjectRow { age: 0, id: None });
            self.copy.sends(Call::CreateProject, true);
        }
        self.stays();
    }

    fn renew(mut self) {
        if !self.is_fenced() {
            return self.fails(End::Busy);
        }
        match self.copy.wanted() {
            None => {
                let Some(row) = self.world.project.as_mut().filter(|row| row.id.is_none()) else {
                    return self.fails(End::Busy);
                };
                row.age = 0;
                self.copy.sends(Call::CreateProject, false);
            }
            Some(plan) => {
                if self.world.subscription.is_none_or(|row| row.confirmed) {
                    return self.fails(End::Busy);
                }
                let key = self.world.new_key();
                self.world.subscription = Some(SubscriptionRow { age: 0, key, plan, confirmed: false });
                self.copy.sends(Call::Subscribe { key, plan }, true);
            }
        }
        self.stays();
    }

    fn confirm(self, id: u8, fresh: bool) {
        let holds = self.holds();
        if matches!(self.copy.job, Job::Create { .. }) {
            if self.broken == Broken::IntentAfterCall && self.world.project.is_none() {
                self.world.project = Some(ProjectRow { age: 0, id: None });
            }
            match &mut self.world.project {
                Some(row) if holds => row.id = Some(id),
                _ => return self.fails(End::Busy),
            }
            return self.goes_on(At::Finish);
        }
        match &mut self.world.subscription {
            Some(row) if holds => row.confirmed = true,
            _ => return self.fails(End::Busy),
        }
        self.goes_on(if fresh { At::Finish } else { At::Look });
    }

    fn discard(self) {
        if !self.holds() {
            return self.fails(End::Busy);
        }
        if matches!(self.copy.job, Job::Create { .. }) {
            self.world.project = None;
            self.fails(End::Trouble);
        } else {
            self.world.subscription = None;
            self.refused();
        }
    }

    fn finish(mut self) {
        let holds = self.holds() || self.broken == Broken::CompletionIgnoresLease;
        match self.copy.job {
            Job::Create { .. } if holds => {
                self.world.row.made = true;
                self.ends(End::Done);
            }
            Job::Await { .. } if holds => {
                self.world.row.healthy = true;
                self.ends(End::Done);
            }
            Job::Activate { tier, .. }
                if holds && self.world.row.state == State::Provisioning && self.world.row.tier == tier =>
            {
                self.world.row.state = State::Active;
                self.world.row.activated = true;
                self.world.event = Event::Promised;
                self.world.free_lease();
                self.copy.holds = false;
                self.goes_on(At::Publish);
            }
            Job::Change { tier, .. } if holds && self.world.row.state == State::Active => {
                self.world.row.tier = tier;
                self.close();
                self.ends(End::Done);
            }
            Job::Settle { .. } if holds => {
                self.close();
                self.ends(End::Done);
            }
            Job::Create { .. } | Job::Await { .. } | Job::Activate { .. } | Job::Change { .. } | Job::Settle { .. } => {
                self.ends(End::Busy);
            }
        }
    }

    /// `lease_until > clock_timestamp()`.
    pub(crate) fn holds(&self) -> bool {
        self.copy.holds && self.world.row.lease > 0
    }

    /// `lease_until > clock_timestamp() + call`.
    pub(crate) fn is_fenced(&self) -> bool {
        match self.broken {
            Broken::NoFence => true,
            Broken::FenceForgetsCall => self.holds(),
            _ => self.copy.holds && self.world.row.lease > CALL,
        }
    }

    /// A call that has no intent of its own.
    pub(crate) fn sends_fenced(mut self, call: Call) {
        if self.is_fenced() {
            self.copy.sends(call, false);
            self.stays();
        } else {
            self.fails(End::Busy);
        }
    }

    pub(crate) fn goes_on(mut self, at: At) {
        self.copy.at = at;
        self.stays();
    }

    pub(crate) fn stays(self) {
        self.world.copies[self.place] = Some(self.copy);
    }

    /// It met trouble: what it settled is due again later.
    pub(crate) fn fails(self, end: End) {
        if let Job::Settle { intent, .. } = self.copy.job
            && let Promise::Open(due) = &mut self.world.promises[usize::from(intent)]
        {
            *due = POSTPONED;
        }
        self.ends(end);
    }

    /// It gives its lease back and ends.
    pub(crate) fn ends(self, end: End) {
        if self.holds() {
            self.world.free_lease();
        }
        self.leaves(end);
    }

    fn leaves(self, end: End) {
        let Self { world, place, copy, .. } = self;
        world.copies[place] = None;
        let Some(attempt) = copy.attempt().filter(|_| copy.awaited) else { return };
        let task = match copy.job {
            Job::Create { .. } => Task::Create,
            Job::Await { .. } => Task::Await,
            Job::Activate { .. } | Job::Change { .. } | Job::Settle { .. } => Task::Activate,
        };
        world.executions[usize::from(attempt)] = match (end, task) {
            (End::Done, Task::Create) if !world.row.healthy => Execution::At(Task::Await),
            (End::Done, Task::Create | Task::Await) => Execution::At(Task::Activate),
            (End::Done, Task::Activate) => Execution::Succeeded,
            (End::Busy, _) => Execution::At(task),
            (End::Trouble, _) => Execution::Troubled(task),
            (End::Final, _) => Execution::Recording,
        };
    }
}

impl World {
    /// One more invocation, where there is room.
    pub(crate) fn spawn(&mut self, copy: Copy) -> bool {
        let place = (0..COPIES).find(|place| self.copies[*place].is_none());
        place.is_some_and(|place| {
            if copy.holds {
                self.nobody_holds();
                self.row.lease = LEASE;
            }
            self.copies[place] = Some(copy);
            true
        })
    }

    /// One Valkey script: the entry and its mark.
    pub(crate) const fn publish(&mut self, broken: Broken) {
        if !self.marked || matches!(broken, Broken::NoMark) {
            self.published += 1;
        }
        self.marked = true;
    }

    pub(crate) fn new_key(&mut self) -> u8 {
        let key = self.stripe.next_key;
        // The bounds leave room for every key the protocol needs; a broken one is refuted before it needs more.
        self.stripe.next_key = (key + 1).min(u8::try_from(self.stripe.keys.len()).unwrap_or(u8::MAX) - 1);
        key
    }
}

/// The plan a tenant is to be billed as, by its row.
pub(crate) fn wanted_by_row(world: &World) -> Option<Plan> {
    if world.row.state == State::Active { world.row.tier } else { None }
}
