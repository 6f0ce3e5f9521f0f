//! Calls that change something outside.

use crate::ticks::CALL;
use crate::tier::Plan;

/// A call that changes something outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `POST /v1/projects`. It has no idempotency key, and the name does not prevent a second project.
    CreateProject,
    /// `DELETE /v1/projects/{ref}`. If the project is gone already, that is a success.
    DeleteProject {
        /// Index into [`crate::World::projects`].
        id: u8,
    },
    /// Stripe's `POST /v1/subscriptions`.
    Subscribe {
        /// The idempotency key.
        key: u8,
        /// The plan.
        plan: Plan,
    },
    /// Stripe's `POST /v1/subscriptions/{id}`, with a new key.
    Change {
        /// The new plan, if it changes.
        plan: Option<Plan>,
        /// The new `cancel_at_period_end`, if it changes.
        cancelling: Option<bool>,
    },
}

impl Call {
    pub(crate) const fn is_subscription(self) -> bool {
        matches!(self, Self::Subscribe { .. })
    }
}

/// A call that was sent and has had no effect yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flight {
    /// The call.
    pub call: Call,
    /// Within how many ticks it has its effect or fails.
    pub left: u8,
}

impl Flight {
    /// A call that is sent now.
    #[must_use]
    pub const fn of(call: Call) -> Self {
        Self { call, left: CALL }
    }
}
