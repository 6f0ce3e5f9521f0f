//! Calls that change something outside, and what becomes of them.

use crate::protocol::Broken;
use crate::world::{CALL, Key, Plan, Project, VISIBLE, WINDOW, World};

/// A call that changes something outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `POST /v1/projects`: no idempotency key, and a name that is no obstacle to a second one.
    CreateProject,
    /// `DELETE /v1/projects/{ref}`: one that is gone is success.
    DeleteProject {
        /// Index into [`World::projects`].
        id: u8,
    },
    /// Stripe's `POST /v1/subscriptions`.
    Subscribe {
        /// The idempotency key.
        key: u8,
        /// The plan.
        plan: Plan,
    },
    /// Stripe's `POST /v1/subscriptions/{id}`, under a key of its own.
    Change {
        /// To this plan.
        plan: Option<Plan>,
        /// To this `cancel_at_period_end`.
        cancelling: Option<bool>,
    },
}

impl Call {
    pub(crate) const fn is_subscription(self) -> bool {
        matches!(self, Self::Subscribe { .. })
    }
}

/// A call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flight {
    /// Which.
    pub call: Call,
    /// Ticks within which it has its effect, or none.
    pub left: u8,
}

impl Flight {
    /// A call that is sent now.
    #[must_use]
    pub const fn of(call: Call) -> Self {
        Self { call, left: CALL }
    }
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or done before: this project, or any subscription.
    Made(u8),
    /// The replay of an error.
    Replayed,
    /// No.
    Refused,
}

impl World {
    /// The call has its effect.
    pub(crate) fn take_effect(&mut self, call: Call, broken: Broken) -> Answer {
        match call {
            Call::CreateProject => {
                let id = self.projects.iter().position(Option::is_none).unwrap_or(self.projects.len() - 1);
                let late = if broken == Broken::ListedTooLate { WINDOW } else { VISIBLE };
                self.projects[id] = Some(Project::Hidden(late));
                Answer::Made(u8::try_from(id).unwrap_or(u8::MAX))
            }
            Call::DeleteProject { id } => {
                self.projects[usize::from(id)] = Some(Project::Gone);
                Answer::Made(id)
            }
            Call::Subscribe { key, plan } => match self.stripe.keys[usize::from(key)] {
                Key::Unknown => {
                    self.subscribe(plan);
                    self.stripe.keys[usize::from(key)] = Key::Made;
                    Answer::Made(0)
                }
                Key::Made => Answer::Made(0),
                Key::Error => Answer::Replayed,
            },
            Call::Change { .. } if self.stripe.live == 0 => Answer::Refused,
            Call::Change { plan, cancelling } => {
                self.stripe.plan = plan.unwrap_or(self.stripe.plan);
                self.stripe.cancelling = cancelling.unwrap_or(self.stripe.cancelling);
                Answer::Made(0)
            }
        }
    }

    /// There is one more live subscription.
    pub(crate) fn subscribe(&mut self, plan: Plan) {
        self.stripe.live += 1;
        (self.stripe.plan, self.stripe.cancelling) = (plan, false);
    }

    /// The caller is gone; the call is not.
    pub(crate) fn set_adrift(&mut self, flight: Flight) {
        if let Some(place) = self.adrift.iter_mut().find(|place| place.is_none()) {
            *place = Some(flight);
        }
    }
}
