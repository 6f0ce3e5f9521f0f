//! A state of the model: the control database, the outside systems and the invocations at work on one tenant.

use crate::call::{Call, Flight};
use crate::invocation::{At, Invocation};
use crate::ticks::WINDOW;
use crate::tier::{Plan, Tier};

/// How many invocations there are at once.
pub const INVOCATIONS: usize = 2;
/// Room for projects and for calls whose caller is gone. A property is violated before the room is too small.
const ROOM: usize = 4;

/// `provisioning_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// An attempt is at work, or should be.
    Provisioning,
    /// Live.
    Active,
    /// The attempt failed. A POST resumes the tenant.
    Failed,
    /// Deactivated. This state is final.
    Deprovisioned,
}

/// The tenant's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// `provisioning_state`.
    pub state: State,
    /// Index into [`World::executions`].
    pub attempt: u8,
    /// Ticks until the lease ends; 0 if it is free. [`Invocation::holds`] says who holds it.
    pub lease: u8,
    /// `tier`.
    pub tier: Tier,
    /// Whether step 1 is completed.
    pub made: bool,
    /// Whether step 2 is completed. If no project may die, it is from the beginning.
    pub healthy: bool,
    /// Whether step 9's transaction has happened. The model remembers this; it is not a column.
    pub activated: bool,
}

/// The live ledger row of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectRow {
    /// Ticks since `sent_at`, [`WINDOW`] at most.
    pub age: u8,
    /// `external_id`: index into [`World::projects`].
    pub id: Option<u8>,
}

/// The live ledger row of the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionRow {
    /// Ticks since `sent_at`, [`WINDOW`] at most, or [`crate::DAY`].
    pub age: u8,
    /// `idempotency_key`: index into [`Stripe::keys`].
    pub key: u8,
    /// The plan in `request`.
    pub plan: Plan,
    /// Whether there is an `external_id`.
    pub confirmed: bool,
}

/// An outbox row of kind `settle_billing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Not written, or closed.
    Closed,
    /// Open, and due after this many ticks.
    Open(u8),
}

/// The outbox row of kind `publish_event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Not promised yet.
    Absent,
    /// Promised.
    Promised,
    /// `delivered_at` is set.
    Delivered,
}

/// A project at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Project {
    /// It exists, and is in the list after this many ticks at the latest.
    Hidden(u8),
    /// In the list, and coming up.
    ComingUp,
    /// In the list, and healthy.
    Healthy,
    /// In the list, and never going to be healthy.
    Dead,
    /// Deleted.
    Gone,
}

impl Project {
    /// Whether it exists, healthy or not.
    #[must_use]
    pub const fn is_there(self) -> bool {
        !matches!(self, Self::Gone)
    }

    /// Whether it is in the list, and may be adopted.
    pub(crate) const fn is_alive(self) -> bool {
        matches!(self, Self::ComingUp | Self::Healthy)
    }
}

/// What Stripe knows of an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Nothing.
    Unknown,
    /// A subscription was created.
    Made,
    /// An error, which is replayed for ever. A subscription may have been created.
    Error,
}

/// The tenant's account at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stripe {
    /// Live subscriptions.
    pub live: u8,
    /// What the live one is billed as.
    pub plan: Plan,
    /// Whether it ends with the period that is paid for.
    pub cancelling: bool,
    /// A person ended the subscription, and no invocation that holds the lease has found out since.
    pub lost: bool,
    /// What Stripe has stored for each key.
    pub keys: [Key; ROOM],
    /// The first unused key.
    pub next_key: u8,
}

/// A task of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Step 1.
    Create,
    /// Step 2.
    Await,
    /// Step 9.
    Activate,
}

/// An execution of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Execution {
    /// Never started.
    Absent,
    /// At a task.
    At(Task),
    /// A task ended in an error that will be retried.
    Troubled(Task),
    /// In `RecordFailure`.
    Recording,
    /// Over: failed, stopped, timed out.
    Ended,
    /// Over, without an error.
    Succeeded,
}

impl Execution {
    /// Whether it has ended.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Succeeded)
    }

    /// Whether it will still do something without a request.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::At(_) | Self::Troubled(_) | Self::Recording)
    }
}

/// How much may still go wrong or be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// Crashes, cut connections, stored errors, refusals, time-outs and lost starts, all together.
    pub faults: u8,
    /// Changes of the tier by PATCH, and corrections of the tier by POST.
    pub patches: u8,
    /// DELETEs: 0 or 1.
    pub deletes: u8,
    /// Projects that come up dead.
    pub deaths: u8,
    /// How often a person ends the subscription at once, or deletes its customer.
    pub losses: u8,
}

/// A state of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct World {
    /// `control.tenants`.
    pub row: Row,
    /// `control.resources`, kind `supabase_project`.
    pub project: Option<ProjectRow>,
    /// `control.resources`, kind `stripe_subscription`.
    pub subscription: Option<SubscriptionRow>,
    /// `control.outbox`, kind `settle_billing`.
    pub promises: [Promise; ROOM],
    /// `control.outbox`, kind `publish_event`.
    pub event: Event,
    /// Supabase.
    pub projects: [Option<Project>; ROOM],
    /// Stripe.
    pub stripe: Stripe,
    /// How many entries of the stream have this event's id.
    pub published: u8,
    /// The mark beside the stream.
    pub marked: bool,
    /// Step Functions.
    pub executions: [Execution; ROOM + 1],
    /// A `StartExecution` that was sent.
    pub starting: Option<u8>,
    /// Whether the reconciler has published the event and not recorded it yet.
    pub telling: bool,
    /// Invocations at work, in order.
    pub invocations: [Option<Invocation>; INVOCATIONS],
    /// Calls whose caller is gone, in order.
    pub adrift: [Option<Flight>; ROOM],
    /// What is left of the bounds.
    pub left: Bounds,
}

impl World {
    /// A POST has just been committed, and its execution will be started next.
    #[must_use]
    pub const fn posted(bounds: Bounds) -> Self {
        Self {
            row: Row {
                state: State::Provisioning,
                attempt: 0,
                lease: 0,
                tier: Some(Plan::Enterprise),
                made: false,
                healthy: bounds.deaths == 0,
                activated: false,
            },
            project: None,
            subscription: None,
            promises: [Promise::Closed; ROOM],
            event: Event::Absent,
            projects: [None; ROOM],
            stripe: Stripe {
                live: 0,
                plan: Plan::Enterprise,
                cancelling: false,
                lost: false,
                keys: [Key::Unknown; ROOM],
                next_key: 0,
            },
            published: 0,
            marked: false,
            executions: [Execution::Absent; ROOM + 1],
            starting: Some(0),
            telling: false,
            invocations: [None; INVOCATIONS],
            adrift: [None; ROOM],
            left: bounds,
        }
    }

    /// A tenant that has been active for a while, with this tier.
    #[must_use]
    pub const fn active(bounds: Bounds, tier: Tier) -> Self {
        let mut world = Self::posted(bounds);
        world.row.state = State::Active;
        world.row.tier = tier;
        (world.row.made, world.row.healthy) = (true, true);
        world.row.activated = true;
        world.project = Some(ProjectRow { age: WINDOW, id: Some(0) });
        world.projects[0] = Some(Project::Healthy);
        world.event = Event::Delivered;
        (world.published, world.marked) = (1, true);
        (world.executions[0], world.starting) = (Execution::Succeeded, None);
        if let Some(plan) = tier {
            world.subscription = Some(SubscriptionRow { age: WINDOW, key: 0, plan, confirmed: true });
            (world.stripe.live, world.stripe.plan, world.stripe.next_key) = (1, plan, 1);
            world.stripe.keys[0] = Key::Made;
        }
        world
    }

    /// The current attempt's execution.
    #[must_use]
    pub fn execution(&self) -> Execution {
        self.executions[usize::from(self.row.attempt)]
    }

    /// All calls that were sent and have had no effect yet.
    pub fn flights(&self) -> impl Iterator<Item = Flight> {
        self.invocations
            .into_iter()
            .flatten()
            .filter_map(|invocation| invocation.flight())
            .chain(self.adrift.into_iter().flatten())
    }

    /// Whether Stripe bills the row's tier.
    #[must_use]
    pub fn billing_agrees(&self) -> bool {
        let wanted = if self.row.state == State::Active { self.row.tier } else { None };
        let billed = (self.stripe.live > 0 && !self.stripe.cancelling).then_some(self.stripe.plan);
        wanted == billed
    }

    /// Whether an open intent says that Stripe may not bill the row's tier.
    #[must_use]
    pub fn billing_is_open(&self) -> bool {
        self.promises.iter().any(|promise| matches!(promise, Promise::Open(_)))
    }

    /// No process is at work, and only a caller or a fault can change that.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.row.state != State::Provisioning
            && self.invocations.iter().all(Option::is_none)
            && self.adrift.iter().all(Option::is_none)
            && self.starting.is_none()
            && !self.telling
            && !self.executions.iter().any(|execution| execution.is_running())
            && self.event != Event::Promised
            && !self.billing_is_open()
    }

    /// The caller has what it requested, and every promise about it is kept. What a person ended at Stripe is noticed by the
    /// next change only.
    #[must_use]
    pub fn ended_well(&self) -> bool {
        let billed = self.billing_agrees() || self.stripe.lost;
        self.row.state != State::Failed && billed && self.published == u8::from(self.row.activated)
    }

    /// The lease is given up or taken away.
    pub(crate) fn free_lease(&mut self) {
        self.row.lease = 0;
        self.nobody_holds();
    }

    /// No invocation holds the row's token any more.
    pub(crate) fn nobody_holds(&mut self) {
        for invocation in self.invocations.iter_mut().flatten() {
            invocation.holds = false;
        }
    }

    /// Gives equivalent worlds one form: invocations have no order, and finished attempts have no number.
    pub(crate) fn normalize(&mut self) {
        while self.row.attempt > 0
            && !self.executions[0].is_running()
            && self.starting != Some(0)
            && !self.invocations.iter().flatten().any(|invocation| invocation.attempt() == Some(0))
        {
            self.executions.rotate_left(1);
            self.executions[ROOM] = Execution::Absent;
            self.row.attempt -= 1;
            self.starting = self.starting.map(|attempt| attempt - 1);
            for invocation in self.invocations.iter_mut().flatten() {
                invocation.forget_an_attempt();
            }
        }
        for id in 0..self.projects.len() {
            if self.projects[id] == Some(Project::Gone) && !self.knows(id) {
                self.projects[id] = None;
            }
        }
        // Once a row has its id, its age and its request are not read any more.
        if let Some(row) = self.project.as_mut().filter(|row| row.id.is_some()) {
            row.age = WINDOW;
        }
        if let Some(row) = self.subscription.as_mut().filter(|row| row.confirmed) {
            (row.age, row.key, row.plan) = (WINDOW, 0, Plan::Enterprise);
        }
        // Used keys are never used again.
        if self.subscription.is_none_or(|row| row.confirmed)
            && !self.flights().any(|flight| flight.call.is_subscription())
        {
            self.stripe.keys = [Key::Unknown; ROOM];
            self.stripe.next_key = 0;
        }
        if self.stripe.live == 0 {
            (self.stripe.plan, self.stripe.cancelling) = (Plan::Enterprise, false);
        }
        // Nobody wants a subscription any more.
        self.stripe.lost &= self.row.state != State::Deprovisioned;
        self.invocations.sort_unstable();
        self.adrift.sort_unstable();
    }

    /// Whether any part of the world may still refer to that project.
    fn knows(&self, id: usize) -> bool {
        let is = |known: u8| usize::from(known) == id;
        self.project.is_some_and(|row| row.id.is_some_and(is))
            || self.flights().any(|flight| matches!(flight.call, Call::DeleteProject { id } if is(id)))
            || self.invocations.iter().flatten().any(|invocation| match invocation.at {
                At::Confirm { id, .. } | At::Bury { id } => is(id),
                _ => false,
            })
    }
}
