//! A model of how a deprovisioned tenant is brought back (`tenant_restore.sql`, `tenant_hold.sql`), while others still act for it:
//! whoever does what a `DELETE` left to be done (`duties.rs`, `duty_done.sql`), and a step that the `DELETE` fenced.
//!
//! Step 6 stands for all steps: what it makes, the graph's user, is the one thing that a duty of the `DELETE` takes away again, and
//! its password has to be another one afterwards. Keys and database password are the same once more. A statement is one act, and
//! so is a write of the secret. That a caller dies, or its answer is lost, is that it does nothing more until its lease ends. Time is left out: a lease
//! that is held may end at any moment, but not before the call that was fenced by it has had its effect, or never will.

use stateright::{Model, Property};

/// How many invocations of step 6 there are at once.
const STEPS: usize = 2;

/// What is left out of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// A tenant is restored although somebody holds its lease.
    Lease,
    /// The lease for a duty is given in every state.
    State,
    /// A completed step stays completed.
    Steps,
    /// The hold is looked at before the statement that restores, and not in it.
    Hold,
    /// The ledger says that the secret has a new password before it has one.
    Mark,
}

/// The model and its bounds.
#[derive(Clone, Copy, Debug)]
pub struct Restoring {
    /// How often the tenant is deprovisioned.
    pub deletes: u8,
    /// How often it is held or released.
    pub holds: u8,
    /// What is left out.
    pub gap: Option<Gap>,
}

/// `provisioning_state`, without `failed`: that is an attempt more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Provisioning,
    Active,
    Deprovisioned,
}

/// The lease of the tenant's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lease {
    Free,
    /// Whoever does the duty holds it.
    Worker,
    /// This invocation of step 6 holds it.
    Step(usize),
    /// A `DELETE` took it away, and it has not ended.
    Fenced,
}

/// A password, seen from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Password {
    /// The one in the tenant's secret.
    Secret,
    /// One that was there before.
    Earlier,
}

/// A call of `FalkorDB` that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Call {
    SwitchOff,
    /// The user is on with this password.
    Grant(Password),
}

/// Whoever does the duty: the `DELETE` itself, or the reconciler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    /// It read the promise.
    Promised,
    /// It has the lease.
    Leased,
    /// It waits for its call.
    Waiting,
    /// Its call is answered.
    Answered,
}

/// An invocation of step 6, and what it read with the lease: the restore for which it works, 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Idle,
    Begun(u8),
    /// The secret has the new password.
    Put(u8),
    /// The ledger says so.
    Marked,
    Waiting,
    Answered,
}

/// One world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column, or a fact of its own")]
pub struct Life {
    state: State,
    lease: Lease,
    held: bool,
    /// Whether the promise to switch the user off is open.
    duty: bool,
    /// Whether step 6 is completed.
    completed: bool,
    /// How often the tenant was restored.
    restores: u8,
    /// Whether the password in the tenant's secret was made after the last `DELETE`.
    is_new: bool,
    /// For which restore the ledger says that the secret's password was made.
    mark: u8,
    /// The password of the graph's user; `None` if it is off or not there.
    user: Option<Password>,
    /// The call of whoever held the lease last.
    flight: Option<Call>,
    /// A call that no lease waits for.
    adrift: Option<Call>,
    worker: Worker,
    steps: [Step; STEPS],
    /// A request to restore has read the row: deprovisioned, and not held.
    looked: bool,
    /// Events of a first activation, and of those after a restore.
    told: (u8, u8),
    /// Whether a restore met an open duty, and whether it happened under a hold.
    superseded: bool,
    restored_under_hold: bool,
    deletes: u8,
    holds: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// `DELETE`.
    Delete,
    /// The tenant is held, or released.
    Hold,
    /// A request to restore reads the row.
    Look,
    /// It writes.
    Restore,
    /// The next act of whoever does the duty.
    Work,
    /// The next act of an invocation of step 6.
    Go(usize),
    /// Step 9.
    Activate,
    /// The call of whoever holds the lease has its effect.
    Land,
    /// It never has.
    Vanish,
    /// A call that no lease waits for has its effect.
    LandLate,
    /// The lease ends.
    Expire,
}

impl Life {
    fn carry_out(&mut self, call: Call) {
        self.user = match call {
            Call::SwitchOff => None,
            Call::Grant(password) => Some(password),
        };
    }

    /// The call of whoever holds the lease is over, and its caller hears of it, if it lives.
    fn over(&mut self, landed: bool) {
        let Some(call) = self.flight.take() else { return };
        if landed {
            self.carry_out(call);
        }
        if self.worker == Worker::Waiting {
            self.worker = if landed { Worker::Answered } else { Worker::Idle };
            self.give_back(Lease::Worker, !landed);
        }
        for who in 0..STEPS {
            if self.steps[who] == Step::Waiting {
                self.steps[who] = if landed { Step::Answered } else { Step::Idle };
                self.give_back(Lease::Step(who), !landed);
            }
        }
    }

    fn give_back(&mut self, own: Lease, wanted: bool) {
        if wanted && self.lease == own {
            self.lease = Lease::Free;
        }
    }

    fn delete(&mut self) {
        self.deletes -= 1;
        self.state = State::Deprovisioned;
        if self.lease != Lease::Free {
            self.lease = Lease::Fenced;
        }
        self.duty = true;
        self.is_new = false;
    }

    /// The secret gets a new password.
    fn put(&mut self) {
        self.is_new = true;
        self.user = self.user.map(|_| Password::Earlier);
        if let Some(Call::Grant(password)) = &mut self.adrift {
            *password = Password::Earlier;
        }
    }

    fn restore(&mut self, gap: Option<Gap>) {
        self.looked = false;
        let free = self.lease == Lease::Free || gap == Some(Gap::Lease);
        let allowed = !self.held || gap == Some(Gap::Hold);
        if self.state != State::Deprovisioned || !free || !allowed {
            return;
        }
        self.restored_under_hold |= self.held;
        self.superseded |= self.duty;
        self.state = State::Provisioning;
        self.restores += 1;
        self.duty = false;
        self.completed &= gap == Some(Gap::Steps);
        self.lease = Lease::Free;
        self.adrift = self.flight.take();
    }

    fn work(&mut self, gap: Option<Gap>) {
        self.worker = match self.worker {
            Worker::Idle if self.duty => Worker::Promised,
            Worker::Promised if self.state != State::Deprovisioned && gap != Some(Gap::State) => {
                self.duty = false;
                Worker::Idle
            }
            Worker::Promised if self.lease == Lease::Free => {
                self.lease = Lease::Worker;
                Worker::Leased
            }
            Worker::Leased if self.lease == Lease::Worker && self.flight.is_none() => {
                self.flight = Some(Call::SwitchOff);
                Worker::Waiting
            }
            Worker::Waiting => Worker::Waiting,
            Worker::Answered if self.lease == Lease::Worker => {
                self.duty = false;
                self.lease = Lease::Free;
                Worker::Idle
            }
            Worker::Idle | Worker::Promised | Worker::Leased | Worker::Answered => Worker::Idle,
        };
    }

    fn go(&mut self, who: usize, gap: Option<Gap>) {
        let leased = self.lease == Lease::Step(who);
        self.steps[who] = match self.steps[who] {
            Step::Idle => {
                if self.state != State::Provisioning || self.completed || self.lease != Lease::Free {
                    return;
                }
                self.lease = Lease::Step(who);
                Step::Begun(self.restores)
            }
            Step::Waiting => return,
            _ if !leased => Step::Idle,
            Step::Begun(restore) if restore > 0 && self.mark != restore => {
                if gap == Some(Gap::Mark) {
                    self.mark = restore;
                } else {
                    self.put();
                }
                Step::Put(restore)
            }
            Step::Put(restore) => {
                if gap == Some(Gap::Mark) {
                    self.put();
                } else {
                    self.mark = restore;
                }
                Step::Marked
            }
            Step::Begun(_) | Step::Marked => {
                self.flight = Some(Call::Grant(Password::Secret));
                Step::Waiting
            }
            Step::Answered => {
                self.completed = true;
                self.lease = Lease::Free;
                Step::Idle
            }
        };
    }

    fn activate(&mut self) {
        self.state = State::Active;
        if self.restores > 0 { self.told.1 += 1 } else { self.told.0 += 1 }
    }

    /// Whether the tenant becomes active, with its user on, if nobody does anything else.
    fn arrives(mut self, gap: Option<Gap>) -> bool {
        self.over(true);
        self.worker = Worker::Idle;
        self.steps = [Step::Idle; STEPS];
        self.lease = Lease::Free;
        for _ in 0..8 {
            self.go(0, gap);
            self.over(true);
        }
        self.completed && self.user == Some(Password::Secret)
    }

    fn is_at_rest(&self) -> bool {
        self.lease == Lease::Free && self.flight.is_none() && self.adrift.is_none() && !self.duty
    }
}

impl Model for Restoring {
    type State = Life;
    type Action = Deed;

    /// A tenant that is active, and one whose first run is at work.
    fn init_states(&self) -> Vec<Life> {
        let active = Life {
            state: State::Active,
            lease: Lease::Free,
            held: false,
            duty: false,
            completed: true,
            restores: 0,
            is_new: true,
            mark: 0,
            user: Some(Password::Secret),
            flight: None,
            adrift: None,
            worker: Worker::Idle,
            steps: [Step::Idle; STEPS],
            looked: false,
            told: (1, 0),
            superseded: false,
            restored_under_hold: false,
            deletes: self.deletes,
            holds: self.holds,
        };
        let new = Life { state: State::Provisioning, completed: false, user: None, told: (0, 0), ..active };
        vec![active, new]
    }

    fn actions(&self, life: &Life, deeds: &mut Vec<Deed>) {
        let mut may = |condition: bool, deed: Deed| deeds.extend(condition.then_some(deed));
        may(life.deletes > 0 && life.state != State::Deprovisioned, Deed::Delete);
        may(life.holds > 0, Deed::Hold);
        may(!life.looked && life.state == State::Deprovisioned && !life.held, Deed::Look);
        may(life.looked, Deed::Restore);
        may(life.worker != Worker::Idle || life.duty, Deed::Work);
        may(life.state == State::Provisioning && life.completed && life.lease == Lease::Free, Deed::Activate);
        for who in 0..STEPS {
            may(true, Deed::Go(who));
        }
        may(life.flight.is_some(), Deed::Land);
        may(life.flight.is_some(), Deed::Vanish);
        may(life.adrift.is_some(), Deed::LandLate);
        may(life.lease != Lease::Free && life.flight.is_none(), Deed::Expire);
    }

    fn next_state(&self, life: &Life, deed: Deed) -> Option<Life> {
        let mut next = *life;
        match deed {
            Deed::Delete => next.delete(),
            Deed::Hold => {
                next.holds -= 1;
                next.held = !next.held;
            }
            Deed::Look => next.looked = true,
            Deed::Restore => next.restore(self.gap),
            Deed::Work => next.work(self.gap),
            Deed::Go(who) => next.go(who, self.gap),
            Deed::Activate => next.activate(),
            Deed::Land => next.over(true),
            Deed::Vanish => next.over(false),
            Deed::LandLate => {
                if let Some(call) = next.adrift.take() {
                    next.carry_out(call);
                }
            }
            Deed::Expire => next.lease = Lease::Free,
        }
        (next != *life).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the user of an active tenant is on", |_, life: &Life| {
                life.state != State::Active || life.user == Some(Password::Secret)
            }),
            Property::always("what was revoked stays revoked", |_, life: &Life| {
                life.state != State::Active || life.is_new
            }),
            Property::always("a deprovisioned tenant's user is off in the end", |_, life: &Life| {
                life.state != State::Deprovisioned || !life.is_at_rest() || life.user.is_none()
            }),
            Property::always("nobody is restored under a hold", |_, life: &Life| !life.restored_under_hold),
            Property::always("each activation is told once, and what it is", |_, life: &Life| {
                life.told.0 <= 1 && life.told.1 <= life.restores
            }),
            Property::always("a tenant that is brought back arrives", |model: &Self, life: &Life| {
                life.state != State::Provisioning || life.adrift.is_some() || life.arrives(model.gap)
            }),
            Property::sometimes("active after two restores", |_, life: &Life| {
                life.state == State::Active && life.restores == 2 && life.is_at_rest()
            }),
            Property::sometimes("a tenant that never was active is brought back", |_, life: &Life| {
                life.state == State::Active && life.told == (0, 1)
            }),
            Property::sometimes("a restore supersedes a duty", |_, life: &Life| life.superseded),
            Property::sometimes("whoever does the duty finds the tenant back", |_, life: &Life| {
                life.worker == Worker::Promised && life.state == State::Active
            }),
            Property::sometimes("a call of a fenced step is on its way", |_, life: &Life| {
                life.lease == Lease::Fenced && matches!(life.flight, Some(Call::Grant(_)))
            }),
            Property::sometimes("a hold comes between a look and a restore", |_, life: &Life| life.looked && life.held),
            Property::sometimes("the secret has a password of which the ledger does not know", |_, life: &Life| {
                life.is_new && life.mark < life.restores && life.steps == [Step::Idle; STEPS]
            }),
        ]
    }
}
