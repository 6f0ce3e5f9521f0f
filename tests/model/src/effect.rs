//! The effects of calls.

use crate::call::{Call, Flight};
use crate::protocol::Broken;
use crate::ticks::{VISIBLE, WINDOW};
use crate::tier::Plan;
use crate::world::{Key, Project, World};

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, now or before: this project, or the subscription.
    Made(u8),
    /// A stored error, replayed.
    Replayed,
    /// A refusal.
    Refused,
}

impl World {
    /// Lets the call have its effect.
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

    /// Adds a live subscription.
    pub(crate) fn subscribe(&mut self, plan: Plan) {
        self.stripe.live += 1;
        (self.stripe.plan, self.stripe.cancelling, self.stripe.lost) = (plan, false, false);
    }

    /// Keeps a call whose caller is gone.
    pub(crate) fn set_adrift(&mut self, flight: Flight) {
        if let Some(place) = self.adrift.iter_mut().find(|place| place.is_none()) {
            *place = Some(flight);
        }
    }
}
