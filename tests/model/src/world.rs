//! A state of the model: what the control database, the outside and everybody at work on one tenant know.

use crate::call::{Call, Flight};
use crate::copy::{At, Copy};

/// Ticks a lease lasts.
pub const LEASE: u8 = 2;
/// Ticks a call may take until it has its effect.
pub const CALL: u8 = 1;
/// Ticks until a project that was made is in the provider's list.
pub const VISIBLE: u8 = 1;
/// Ticks after which an unanswered request cannot turn up any more: the two minutes of step 1 and of billing.
pub const WINDOW: u8 = 3;
/// A day, after which Stripe has forgotten a key; more than any number of ticks.
pub const DAY: u8 = u8::MAX;
/// Ticks by which billing that was not settled is postponed.
pub const POSTPONED: u8 = 2;

/// How many invocations there are at once.
pub const COPIES: usize = 2;
/// How many projects and calls on their own there is room for; more are a violation before they are too many.
const ROOM: usize = 4;

/// `provisioning_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A run is, or should be, at work.
    Provisioning,
    /// Live.
    Active,
    /// Its run failed; a POST resumes it.
    Failed,
    /// Switched off for good.
    Deprovisioned,
}

/// What a tenant pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    /// The cheaper one.
    Enterprise,
    /// The other one.
    EnterprisePlus,
}

/// A tier: a plan, or nothing to pay (`pilot`).
pub type Tier = Option<Plan>;

/// Every tier.
pub const TIERS: [Tier; 3] = [None, Some(Plan::Enterprise), Some(Plan::EnterprisePlus)];

/// The tenant's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// `provisioning_state`.
    pub state: State,
    /// Index into [`World::executions`].
    pub attempt: u8,
    /// Ticks until the lease lapses; 0: it is free. Whose it is, is told by [`Copy::holds`].
    pub lease: u8,
    /// `tier`.
    pub tier: Tier,
    /// Step 1 is completed.
    pub made: bool,
    /// Step 2 is completed; from the beginning where no project dies.
    pub healthy: bool,
    /// Step 9's transaction happened: what the model remembers, not a column.
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
    /// Ticks since `sent_at`, [`WINDOW`] at most, or a [`DAY`].
    pub age: u8,
    /// `idempotency_key`: index into [`Stripe::keys`].
    pub key: u8,
    /// The plan in `request`.
    pub plan: Plan,
    /// There is an `external_id`.
    pub confirmed: bool,
}

/// An outbox row of kind `settle_billing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Not written, or closed.
    Closed,
    /// Open, and due in so many ticks.
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
    /// Made, and in the list after so many ticks at the latest.
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
    /// Whether it is there, healthy or not.
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
    /// The subscription it made.
    Made,
    /// An error, whatever it made: replayed for ever.
    Error,
}

/// The tenant's account at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stripe {
    /// Live subscriptions.
    pub live: u8,
    /// What the live one is billed as.
    pub plan: Plan,
    /// It ends with the period that is paid for.
    pub cancelling: bool,
    /// What is remembered.
    pub keys: [Key; ROOM],
    /// The first key never used.
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
    /// A task ended in an error that is retried, so many times.
    Troubled(Task),
    /// In `RecordFailure`.
    Recording,
    /// Over: failed, stopped, timed out.
    Ended,
    /// Over, without an error.
    Succeeded,
}

impl Execution {
    /// Whether it came to an end.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Succeeded)
    }

    /// Whether it will do something of its own accord.
    #[must_use]
    pub const fn runs(self) -> bool {
        matches!(self, Self::At(_) | Self::Troubled(_) | Self::Recording)
    }
}

/// How much may still go wrong or be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// Crashes, cut connections, stored errors, refusals, time-outs, lost starts: all together.
    pub faults: u8,
    /// Changes of the tier by PATCH, and corrections of it by POST.
    pub patches: u8,
    /// DELETEs: 0 or 1.
    pub deletes: u8,
    /// Projects that come up dead.
    pub deaths: u8,
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
    /// Entries of the stream with this event's id.
    pub published: u8,
    /// The mark beside the stream.
    pub marked: bool,
    /// Step Functions.
    pub executions: [Execution; ROOM + 1],
    /// A `StartExecution` that was sent.
    pub starting: Option<u8>,
    /// The reconciler published and did not write it down yet.
    pub telling: bool,
    /// Invocations at work, in order.
    pub copies: [Option<Copy>; COPIES],
    /// Calls whose caller is gone, in order.
    pub adrift: [Option<Flight>; ROOM],
    /// What is left of the bounds.
    pub left: Bounds,
}

impl World {
    /// A POST was just committed, and its execution is about to be started.
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
                keys: [Key::Unknown; ROOM],
                next_key: 0,
            },
            published: 0,
            marked: false,
            executions: [Execution::Absent; ROOM + 1],
            starting: Some(0),
            telling: false,
            copies: [None; COPIES],
            adrift: [None; ROOM],
            left: bounds,
        }
    }

    /// A tenant that has been active, of this tier, for a while.
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

    /// Every call that was sent and had no effect yet.
    pub fn flights(&self) -> impl Iterator<Item = Flight> {
        self.copies.into_iter().flatten().filter_map(|copy| copy.flight()).chain(self.adrift.into_iter().flatten())
    }

    /// Whether Stripe is where the row wants it.
    #[must_use]
    pub fn billing_agrees(&self) -> bool {
        let wanted = if self.row.state == State::Active { self.row.tier } else { None };
        let billed = (self.stripe.live > 0 && !self.stripe.cancelling).then_some(self.stripe.plan);
        wanted == billed
    }

    /// Whether some intent says that Stripe may not be there.
    #[must_use]
    pub fn billing_is_open(&self) -> bool {
        self.promises.iter().any(|promise| matches!(promise, Promise::Open(_)))
    }

    /// Nobody is at work, and nobody but a caller or a fault will be.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.row.state != State::Provisioning
            && self.copies.iter().all(Option::is_none)
            && self.adrift.iter().all(Option::is_none)
            && self.starting.is_none()
            && !self.telling
            && !self.executions.iter().any(|execution| execution.runs())
            && self.event != Event::Promised
            && !self.billing_is_open()
    }

    /// The caller has what was asked for, and what was promised about it is kept.
    #[must_use]
    pub fn ended_well(&self) -> bool {
        self.row.state != State::Failed && self.billing_agrees() && self.published == u8::from(self.row.activated)
    }

    /// The lease is given up, or taken away.
    pub(crate) fn free_lease(&mut self) {
        self.row.lease = 0;
        self.nobody_holds();
    }

    /// Nobody's token is the row's any more.
    pub(crate) fn nobody_holds(&mut self) {
        for copy in self.copies.iter_mut().flatten() {
            copy.holds = false;
        }
    }

    /// Equal worlds in one form: who is at work has no order, and attempts that are over and forgotten no number.
    pub(crate) fn normalize(&mut self) {
        while self.row.attempt > 0
            && !self.executions[0].runs()
            && self.starting != Some(0)
            && !self.copies.iter().flatten().any(|copy| copy.attempt() == Some(0))
        {
            self.executions.rotate_left(1);
            self.executions[ROOM] = Execution::Absent;
            self.row.attempt -= 1;
            self.starting = self.starting.map(|attempt| attempt - 1);
            for copy in self.copies.iter_mut().flatten() {
                copy.forget_an_attempt();
            }
        }
        for id in 0..self.projects.len() {
            if self.projects[id] == Some(Project::Gone) && !self.knows(id) {
                self.projects[id] = None;
            }
        }
        // How old a row is that has its id, and what was asked for then, is never looked at.
        if let Some(row) = self.project.as_mut().filter(|row| row.id.is_some()) {
            row.age = WINDOW;
        }
        if let Some(row) = self.subscription.as_mut().filter(|row| row.confirmed) {
            (row.age, row.key, row.plan) = (WINDOW, 0, Plan::Enterprise);
        }
        // Nothing is going to be asked for under a key that was used.
        if self.subscription.is_none_or(|row| row.confirmed)
            && !self.flights().any(|flight| flight.call.is_subscription())
        {
            self.stripe.keys = [Key::Unknown; ROOM];
            self.stripe.next_key = 0;
        }
        if self.stripe.live == 0 {
            (self.stripe.plan, self.stripe.cancelling) = (Plan::Enterprise, false);
        }
        self.copies.sort_unstable();
        self.adrift.sort_unstable();
    }

    /// Whether anybody could still name that project.
    fn knows(&self, id: usize) -> bool {
        let is = |known: u8| usize::from(known) == id;
        self.project.is_some_and(|row| row.id.is_some_and(is))
            || self.flights().any(|flight| matches!(flight.call, Call::DeleteProject { id } if is(id)))
            || self.copies.iter().flatten().any(|copy| match copy.at {
                At::Confirm { id, .. } | At::Bury { id } => is(id),
                _ => false,
            })
    }
}
