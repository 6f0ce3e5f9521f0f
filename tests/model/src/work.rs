//! What invocations do, act by act.

use crate::call::Call;
use crate::effect::Answer;
use crate::invocation::{At, Invocation, Job};
use crate::protocol::Broken;
use crate::ticks::{CALL, LEASE, POSTPONED};
use crate::tier::Plan;
use crate::world::{Event, Execution, INVOCATIONS, Key, ProjectRow, Promise, State, SubscriptionRow, Task, World};

/// How an invocation ends for its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The step is completed.
    Done,
    /// `Step.Busy`: it is retried without a limit.
    Busy,
    /// Any other error that is retried, but not for ever.
    Trouble,
    /// `Step.Rejected` or `Step.Superseded`: it is not retried.
    Final,
}

/// How a call ends while its caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has its effect, and the answer arrives.
    Answered,
    /// The connection is cut or the time is up. The call may still have its effect.
    Cut,
    /// It is refused, and nothing was created.
    Refused,
    /// Stripe answers 500, and will do so for ever for this key.
    Error {
        /// Whether Stripe created the subscription nevertheless.
        made: bool,
    },
}

/// One act of one invocation.
pub(crate) struct Acting<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) invocation: Invocation,
    pub(crate) broken: Broken,
    place: usize,
}

impl<'a> Acting<'a> {
    /// The invocation in this place, if there is one.
    pub(crate) fn new(world: &'a mut World, broken: Broken, place: u8) -> Option<Self> {
        let place = usize::from(place);
        let invocation = world.invocations[place]?;
        Some(Self { world, invocation, broken, place })
    }

    /// Performs the next act; false if the invocation waits for a call.
    pub(crate) fn go(mut self) -> bool {
        match self.invocation.at {
            At::Begin => self.begin(),
            At::Promise => self.promise(),
            At::Look => match self.invocation.job {
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

    /// Ends the call that the invocation waits for.
    pub(crate) fn hears(mut self, fate: Fate) {
        let At::Await { flight, fresh } = self.invocation.at else { return };
        match fate {
            Fate::Answered => match self.world.take_effect(flight.call, self.broken) {
                Answer::Made(id) => {
                    self.invocation.touch();
                    match (flight.call, self.invocation.job) {
                        (Call::DeleteProject { .. }, Job::Await { .. }) => self.goes_on(At::Unmake),
                        (Call::DeleteProject { .. }, _) => self.ends(End::Busy),
                        (Call::Change { .. }, _) => self.goes_on(At::Finish),
                        (Call::CreateProject | Call::Subscribe { .. }, _) => self.goes_on(At::Confirm { id, fresh }),
                    }
                }
                Answer::Replayed if self.broken == Broken::ReplayIsNotThere => self.goes_on(At::Renew),
                Answer::Replayed => self.goes_on(At::Find),
                // The subscription has ended.
                Answer::Refused => self.goes_on(At::Look),
            },
            Fate::Cut => {
                self.world.set_adrift(flight);
                self.fails(End::Trouble);
            }
            Fate::Refused => match flight.call {
                // This refusal does not tell whether an earlier request, which was never answered, had an effect.
                Call::CreateProject if !fresh => self.fails(End::Trouble),
                Call::DeleteProject { .. } => self.fails(End::Trouble),
                Call::CreateProject => self.goes_on(At::Discard),
                Call::Subscribe { key, .. } => {
                    if self.broken != Broken::RefusalNotKept {
                        self.world.stripe.keys[usize::from(key)] = Key::Error;
                    }
                    self.goes_on(At::Discard);
                }
                Call::Change { .. } if self.world.stripe.live == 0 => self.goes_on(At::Look),
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

    /// Its process is killed.
    pub(crate) fn dies(self) -> bool {
        if let Some(flight) = self.invocation.flight() {
            self.world.set_adrift(flight);
        }
        self.leaves(End::Trouble);
        true
    }

    fn begin(mut self) {
        let (attempt, completed) = match self.invocation.job {
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
            self.invocation.holds = true;
            let first = match &mut self.invocation.job {
                // A tier without a price needs nothing from Stripe.
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
        if let Some(plan) = self.invocation.wanted() {
            if self.world.subscription.is_some() {
                // The constraint `resources_one_live`.
                return self.fails(End::Trouble);
            }
            let key = self.world.new_key();
            self.world.subscription = Some(SubscriptionRow { age: 0, key, plan, confirmed: false });
            self.invocation.sends(Call::Subscribe { key, plan }, true);
        } else {
            if self.world.project.is_some() {
                return self.fails(End::Trouble);
            }
            self.world.project = Some(ProjectRow { age: 0, id: None });
            self.invocation.sends(Call::CreateProject, true);
        }
        self.stays();
    }

    fn renew(mut self) {
        if !self.is_fenced() {
            return self.fails(End::Busy);
        }
        match self.invocation.wanted() {
            None => {
                let Some(row) = self.world.project.as_mut().filter(|row| row.id.is_none()) else {
                    return self.fails(End::Busy);
                };
                row.age = 0;
                self.invocation.sends(Call::CreateProject, false);
            }
            Some(plan) => {
                if self.world.subscription.is_none_or(|row| row.confirmed) {
                    return self.fails(End::Busy);
                }
                let key = self.world.new_key();
                self.world.subscription = Some(SubscriptionRow { age: 0, key, plan, confirmed: false });
                self.invocation.sends(Call::Subscribe { key, plan }, true);
            }
        }
        self.stays();
    }

    fn confirm(self, id: u8, fresh: bool) {
        let holds = self.holds();
        if matches!(self.invocation.job, Job::Create { .. }) {
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
        if matches!(self.invocation.job, Job::Create { .. }) {
            self.world.project = None;
            self.fails(End::Trouble);
        } else {
            self.world.subscription = None;
            self.refused();
        }
    }

    fn finish(mut self) {
        let holds = self.holds() || self.broken == Broken::CompletionIgnoresLease;
        match self.invocation.job {
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
                self.invocation.holds = false;
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
        self.invocation.holds && self.world.row.lease > 0
    }

    /// `lease_until > clock_timestamp() + call`.
    pub(crate) fn is_fenced(&self) -> bool {
        match self.broken {
            Broken::NoFence => true,
            Broken::FenceForgetsCall => self.holds(),
            _ => self.invocation.holds && self.world.row.lease > CALL,
        }
    }

    /// Sends a call that has no intent.
    pub(crate) fn sends_fenced(mut self, call: Call) {
        if self.is_fenced() {
            self.invocation.sends(call, false);
            self.stays();
        } else {
            self.fails(End::Busy);
        }
    }

    pub(crate) fn goes_on(mut self, at: At) {
        self.invocation.at = at;
        self.stays();
    }

    pub(crate) fn stays(self) {
        self.world.invocations[self.place] = Some(self.invocation);
    }

    /// Ends after trouble. If it was settling an intent, the intent is due again later.
    pub(crate) fn fails(self, end: End) {
        if let Job::Settle { intent, .. } = self.invocation.job
            && let Promise::Open(due) = &mut self.world.promises[usize::from(intent)]
        {
            *due = POSTPONED;
        }
        self.ends(end);
    }

    /// Gives the lease back and ends.
    pub(crate) fn ends(self, end: End) {
        if self.holds() {
            self.world.free_lease();
        }
        self.leaves(end);
    }

    fn leaves(self, end: End) {
        let Self { world, place, invocation, .. } = self;
        world.invocations[place] = None;
        let Some(attempt) = invocation.attempt().filter(|_| invocation.awaited) else { return };
        let task = match invocation.job {
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
    /// Adds an invocation if there is room.
    pub(crate) fn spawn(&mut self, invocation: Invocation) -> bool {
        let place = (0..INVOCATIONS).find(|place| self.invocations[*place].is_none());
        place.is_some_and(|place| {
            if invocation.holds {
                self.nobody_holds();
                self.row.lease = LEASE;
            }
            self.invocations[place] = Some(invocation);
            true
        })
    }

    /// One Valkey script writes the entry and its mark.
    pub(crate) const fn publish(&mut self, broken: Broken) {
        if !self.marked || matches!(broken, Broken::NoMark) {
            self.published += 1;
        }
        self.marked = true;
    }

    pub(crate) fn new_key(&mut self) -> u8 {
        let key = self.stripe.next_key;
        // There is room for every key that the protocol needs. A broken variant is refuted before it needs more.
        self.stripe.next_key = (key + 1).min(u8::try_from(self.stripe.keys.len()).unwrap_or(u8::MAX) - 1);
        key
    }
}

/// The plan that the tenant's row asks for.
pub(crate) fn wanted_by_row(world: &World) -> Option<Plan> {
    if world.row.state == State::Active { world.row.tier } else { None }
}
