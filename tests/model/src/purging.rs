//! A model of a tenant's purge and its approval (`purge_request.sql`, `purge_approve.sql`, `purge_step_begin.sql`,
//! `purge_lease_check.sql`, `purge_item.sql`, `purge_step_complete.sql`, `purge_finish.sql`, `purge_failed.sql`, `purge_resume.sql`,
//! `tenant_restore.sql`, `tenant_hold.sql`).
//!
//! A statement is one act, and so is a fence with the call that it is for: a call has its effect before the lease ends, or never, as in
//! the model of the pipeline. One step stands for all that delete: its index is named by the slug, whose next owner has one of the same
//! name. Another one signs and releases the slug. What can be undone is left out, since nothing depends on it: a purge that gives up
//! before the deleting step began is one that did only such things.
//!
//! Two workers are at work at once. That one dies is that it does nothing more. Whoever approves has read the request before, and
//! whatever is decided meanwhile makes that stale: the row's version.

use stateright::{Model, Property};

/// What is left out of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PurgeSlip {
    /// A fence does not look for a hold.
    HoldAtFence,
    /// A fence does not look whose the lease is.
    LeaseAtFence,
    /// A tenant is restored whatever its purge does.
    RestoreOfPurged,
    /// That the deleting step began is forgotten when it fails.
    PointOfNoReturn,
    /// An approval does not look whether the request is the one that was read.
    Version,
    /// Whoever asked may approve.
    FourEyes,
    /// What was asked to be deleted counts as gone.
    AskAgain,
    /// The slug is released although nobody proved that nothing has its name.
    Proof,
}

/// The model and its bounds.
#[derive(Clone, Copy, Debug)]
pub struct Purging {
    /// How often somebody puts the tenant under a hold, restores it, asks anew, dies or loses a call.
    pub events: u8,
    /// What is left out.
    pub slip: Option<PurgeSlip>,
}

/// What becomes of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// It is kept.
    Keep,
    /// It is deleted.
    Delete,
}

/// How far the purge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Course {
    /// Nobody asked for one, or it was withdrawn.
    None,
    /// It waits for approval.
    Waiting,
    /// It runs.
    Running,
    /// It gave up.
    Failed,
    /// It is done.
    Done,
}

/// Whose the index of that name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// The tenant's.
    Own,
    /// There is none.
    Gone,
    /// That of the slug's next owner.
    Next,
}

/// What a worker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Worker {
    /// Nothing.
    Idle,
    /// It began the deleting step.
    Begun,
    /// Its call is under way.
    Sent,
    /// Its call is over. It asks again.
    Answered,
    /// It asked again, and this is whether the index is gone.
    Asked(bool),
    /// It began the last step.
    Signs,
}

/// What whoever approves has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    wish: Wish,
    is_stale: bool,
}

/// What must never be, if it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is another wrong")]
pub struct Wrong {
    under_hold: bool,
    of_a_live_tenant: bool,
    of_the_next: bool,
    unread: bool,
    by_one: bool,
}

/// One world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "columns, most of them")]
pub struct PurgeScene {
    is_off: bool,
    is_held: bool,
    course: Course,
    wish: Wish,
    no_return: bool,
    is_proved: bool,
    step_completed: bool,
    slug_is_free: bool,
    lease: Option<usize>,
    workers: [Worker; 2],
    /// A call of a worker that died.
    stray: bool,
    reading: Option<Reading>,
    index: Index,
    wrong: Wrong,
    events: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PurgeAct {
    /// Somebody asks for it, or asks anew.
    Ask(Wish),
    /// Whoever wants to approve reads the request.
    Read,
    /// Another consumer approves, or the same one with another key.
    Approve {
        /// Whether it is the one that asked.
        same: bool,
    },
    /// A hold.
    Hold,
    /// Its end.
    Release,
    /// The tenant comes back.
    Restore,
    /// It is switched off again.
    Delete,
    /// A worker's next act.
    Go(usize),
    /// A call that is under way has its effect.
    Land(usize),
    /// A call of one that died does.
    LandStray,
    /// A call never has an effect.
    Lose(usize),
    /// A worker dies.
    Die(usize),
    /// The lease ends.
    Expire,
    /// The purge gives up.
    Fail,
    /// Somebody goes on with it.
    Resume,
    /// Another tenant gets the slug, and an index of that name.
    Reuse,
}

impl PurgeScene {
    /// Something was decided: the row has another version.
    const fn decided(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.is_stale = true;
        }
    }

    /// An index is deleted, whosever it is by now.
    const fn delete(&mut self) {
        if matches!(self.index, Index::Next) {
            self.wrong.of_the_next = true;
        }
        if !self.is_off {
            self.wrong.of_a_live_tenant = true;
        }
        self.index = Index::Gone;
    }

    fn goes(&mut self, who: usize, slip: Option<PurgeSlip>) {
        let holds = self.lease == Some(who);
        self.workers[who] = match self.workers[who] {
            Worker::Idle => {
                if self.lease.is_some() || self.course != Course::Running || !self.is_off || self.is_held {
                    return;
                }
                self.lease = Some(who);
                if self.step_completed || slip == Some(PurgeSlip::Proof) {
                    Worker::Signs
                } else {
                    self.no_return = slip != Some(PurgeSlip::PointOfNoReturn);
                    Worker::Begun
                }
            }
            Worker::Begun => {
                let is_mine = holds || slip == Some(PurgeSlip::LeaseAtFence);
                if !is_mine || (self.is_held && slip != Some(PurgeSlip::HoldAtFence)) {
                    self.gives_up(who);
                    return;
                }
                self.wrong.under_hold |= self.is_held;
                Worker::Sent
            }
            Worker::Sent => return,
            Worker::Answered => Worker::Asked(self.index == Index::Gone || slip == Some(PurgeSlip::AskAgain)),
            Worker::Asked(false) => Worker::Begun,
            Worker::Asked(true) => {
                if holds {
                    (self.is_proved, self.step_completed, self.no_return, self.lease) = (true, true, true, None);
                    self.decided();
                }
                Worker::Idle
            }
            Worker::Signs => {
                if holds && self.is_off && !self.is_held && self.course == Course::Running {
                    self.course = Course::Done;
                    self.slug_is_free = self.is_proved || slip == Some(PurgeSlip::Proof);
                    self.no_return = true;
                    self.decided();
                }
                self.gives_up(who);
                return;
            }
        };
    }

    /// It gives the lease back.
    fn gives_up(&mut self, who: usize) {
        self.workers[who] = Worker::Idle;
        if self.lease == Some(who) {
            self.lease = None;
        }
    }

    /// Whether whoever holds the lease is calling. The lease lasts longer than the call.
    fn is_calling(&self) -> bool {
        self.lease.is_some_and(|who| self.workers[who] == Worker::Sent)
    }

    const fn may_be_restored(&self, slip: Option<PurgeSlip>) -> bool {
        let purged = matches!(self.course, Course::Running | Course::Done) || self.no_return;
        self.is_off
            && !self.is_held
            && self.lease.is_none()
            && (!purged || matches!(slip, Some(PurgeSlip::RestoreOfPurged)))
    }

    /// Whether a purge that runs, or gave up, is done in the end if nobody disturbs it and somebody goes on with it.
    fn is_done_in_the_end(&self, slip: Option<PurgeSlip>) -> bool {
        if !matches!(self.course, Course::Running | Course::Failed) || !self.is_off {
            return true;
        }
        let mut scene = Self {
            is_held: false,
            course: Course::Running,
            workers: [Worker::Idle; 2],
            lease: None,
            stray: false,
            ..*self
        };
        for _ in 0..8 {
            scene.goes(0, slip);
            if scene.workers[0] == Worker::Sent {
                scene.delete();
                scene.workers[0] = Worker::Answered;
            }
        }
        scene.course == Course::Done
    }
}

impl Model for Purging {
    type State = PurgeScene;
    type Action = PurgeAct;

    fn init_states(&self) -> Vec<PurgeScene> {
        vec![PurgeScene {
            is_off: true,
            is_held: false,
            course: Course::None,
            wish: Wish::Keep,
            no_return: false,
            is_proved: false,
            step_completed: false,
            slug_is_free: false,
            lease: None,
            workers: [Worker::Idle; 2],
            stray: false,
            reading: None,
            index: Index::Own,
            wrong: Wrong::default(),
            events: self.events,
        }]
    }

    fn actions(&self, scene: &PurgeScene, acts: &mut Vec<PurgeAct>) {
        let mut may = |condition: bool, act: PurgeAct| acts.extend(condition.then_some(act));
        let (waits, is_free) = (scene.course == Course::Waiting, scene.is_off && !scene.is_held);
        let some_left = scene.events > 0;
        for wish in [Wish::Keep, Wish::Delete] {
            let may_ask = scene.course == Course::None || (waits && some_left && scene.wish != wish);
            may(is_free && !scene.no_return && may_ask, PurgeAct::Ask(wish));
        }
        may(waits, PurgeAct::Read);
        for same in [false, true] {
            may(waits && scene.reading.is_some(), PurgeAct::Approve { same });
        }
        may(some_left && !scene.is_held, PurgeAct::Hold);
        may(scene.is_held, PurgeAct::Release);
        may(some_left && scene.may_be_restored(self.slip), PurgeAct::Restore);
        may(!scene.is_off, PurgeAct::Delete);
        for who in 0..2 {
            may(scene.workers[who] != Worker::Sent, PurgeAct::Go(who));
            may(scene.workers[who] == Worker::Sent, PurgeAct::Land(who));
            may(some_left && scene.workers[who] == Worker::Sent, PurgeAct::Lose(who));
            may(some_left && scene.workers[who] != Worker::Idle, PurgeAct::Die(who));
        }
        may(scene.stray, PurgeAct::LandStray);
        may(scene.lease.is_some() && !scene.is_calling(), PurgeAct::Expire);
        may(scene.course == Course::Running && scene.lease.is_none(), PurgeAct::Fail);
        may(scene.course == Course::Failed && is_free && scene.lease.is_none(), PurgeAct::Resume);
        may(scene.slug_is_free && scene.index == Index::Gone, PurgeAct::Reuse);
    }

    fn next_state(&self, scene: &PurgeScene, act: PurgeAct) -> Option<PurgeScene> {
        let mut next = *scene;
        match act {
            PurgeAct::Ask(wish) => {
                if next.course == Course::Waiting {
                    next.events -= 1;
                }
                (next.course, next.wish, next.step_completed, next.is_proved) = (Course::Waiting, wish, false, false);
                next.decided();
            }
            PurgeAct::Read => next.reading = Some(Reading { wish: next.wish, is_stale: false }),
            PurgeAct::Approve { same } => {
                let reading = next.reading.take()?;
                let fits = !reading.is_stale || self.slip == Some(PurgeSlip::Version);
                let other = !same || self.slip == Some(PurgeSlip::FourEyes);
                if fits && other && next.is_off && !next.is_held && next.course == Course::Waiting {
                    next.course = Course::Running;
                    next.wrong.unread |= reading.wish != next.wish;
                    next.wrong.by_one |= same;
                }
            }
            PurgeAct::Hold => {
                next.events -= 1;
                next.is_held = true;
                next.decided();
            }
            PurgeAct::Release => {
                next.is_held = false;
                next.decided();
            }
            PurgeAct::Restore => {
                next.events -= 1;
                next.is_off = false;
                if matches!(next.course, Course::Waiting | Course::Failed) {
                    next.course = Course::None;
                }
                next.decided();
            }
            PurgeAct::Delete => {
                next.is_off = true;
                next.decided();
            }
            PurgeAct::Go(who) => next.goes(who, self.slip),
            PurgeAct::Land(who) => {
                next.delete();
                next.workers[who] = Worker::Answered;
            }
            PurgeAct::LandStray => {
                next.delete();
                next.stray = false;
            }
            PurgeAct::Lose(who) => {
                next.events -= 1;
                next.workers[who] = Worker::Answered;
            }
            PurgeAct::Die(who) => {
                next.events -= 1;
                next.stray |= next.workers[who] == Worker::Sent;
                next.workers[who] = Worker::Idle;
            }
            // A call of one that died, and that did not have its effect by now, never has one.
            PurgeAct::Expire => (next.lease, next.stray) = (None, false),
            PurgeAct::Fail => {
                next.course = Course::Failed;
                next.decided();
            }
            PurgeAct::Resume => {
                next.course = Course::Running;
                next.decided();
            }
            PurgeAct::Reuse => next.index = Index::Next,
        }
        (next != *scene).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing is deleted under a hold", |_, scene: &PurgeScene| !scene.wrong.under_hold),
            Property::always("nothing is deleted of a live tenant", |_, scene: &PurgeScene| {
                !scene.wrong.of_a_live_tenant
            }),
            Property::always("nothing is deleted of the slug's next owner", |_, scene: &PurgeScene| {
                !scene.wrong.of_the_next
            }),
            Property::always("a tenant that comes back has lost nothing", |_, scene: &PurgeScene| {
                scene.is_off || scene.index == Index::Own
            }),
            Property::always("what is approved was read", |_, scene: &PurgeScene| !scene.wrong.unread),
            Property::always("two consumers agree", |_, scene: &PurgeScene| !scene.wrong.by_one),
            Property::always("what is proved gone is gone", |_, scene: &PurgeScene| {
                !scene.is_proved || scene.index != Index::Own
            }),
            Property::always("a slug is free once nothing has its name", |_, scene: &PurgeScene| {
                !scene.slug_is_free || scene.index != Index::Own
            }),
            Property::always("a purge ends", |model: &Self, scene: &PurgeScene| scene.is_done_in_the_end(model.slip)),
            Property::sometimes("a purge is done, and its slug used again", |_, scene: &PurgeScene| {
                scene.course == Course::Done && scene.index == Index::Next
            }),
            Property::sometimes("a hold stops one that runs", |_, scene: &PurgeScene| {
                scene.is_held && scene.course == Course::Failed
            }),
            Property::sometimes("a tenant comes back", |_, scene: &PurgeScene| !scene.is_off),
            Property::sometimes("a call of one that died is under way", |_, scene: &PurgeScene| scene.stray),
        ]
    }
}
