//! One invocation: a step, a tier change or a settling, from one outside effect to the next. It may be stopped for good
//! or for a while between any two of its acts.

use crate::call::{Call, Flight};
use crate::world::{Plan, Tier};

/// What an invocation is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Step 1.
    Create {
        /// Of this attempt.
        attempt: u8,
    },
    /// Step 2.
    Await {
        /// Of this attempt.
        attempt: u8,
    },
    /// Step 9.
    Activate {
        /// Of this attempt.
        attempt: u8,
        /// The tier it found in the row.
        tier: Tier,
    },
    /// PATCH `tier`.
    Change {
        /// The new tier.
        tier: Tier,
        /// Its intent: index into [`crate::World::promises`].
        intent: u8,
        /// Stripe may be in another state than before.
        touched: bool,
    },
    /// The reconciler, settling one tenant.
    Settle {
        /// The intent: index into [`crate::World::promises`].
        intent: u8,
        /// What the row asked for.
        wanted: Option<Plan>,
    },
}

/// What an invocation does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Take the lease.
    Begin,
    /// Commit the intent of a tier change.
    Promise,
    /// Look into the ledger, and then outside.
    Look,
    /// Write an intent, and send it.
    Intend,
    /// Make sure of the lease, and send the intent's own request again.
    Resend,
    /// Look for what a request made that has an error for an answer.
    Find,
    /// Give the intent a new request and key, and send it.
    Renew,
    /// Wait for an answer.
    Await {
        /// The call.
        flight: Flight,
        /// The intent is of this invocation, and nothing was sent for it before.
        fresh: bool,
    },
    /// Write down the id.
    Confirm {
        /// The project; of a subscription nothing.
        id: u8,
        /// As in [`At::Await`].
        fresh: bool,
    },
    /// Give up the intent: its request was refused.
    Discard,
    /// Make sure of the lease, and delete a project that came up dead.
    Bury {
        /// Index into [`crate::World::projects`].
        id: u8,
    },
    /// Write down that the project is dead, and step 1 to be done again.
    Unmake,
    /// Give up a subscription that ended.
    Forget,
    /// Make sure of the lease, and change the subscription.
    Update {
        /// To this plan.
        plan: Option<Plan>,
        /// To this `cancel_at_period_end`.
        cancelling: Option<bool>,
    },
    /// Close the intent of a tier change that was refused before anything changed.
    Withdraw,
    /// Complete: the step, the activation, the tier change, the settling.
    Finish,
    /// Publish what the activation promised.
    Publish,
    /// Write down that it is published.
    Tell,
}

/// An invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copy {
    /// What for.
    pub job: Job,
    /// What next.
    pub at: At,
    /// The row's lease token is its own.
    pub holds: bool,
    /// An execution waits for its answer.
    pub awaited: bool,
}

impl Copy {
    /// Its call on its way.
    #[must_use]
    pub const fn flight(&self) -> Option<Flight> {
        match self.at {
            At::Await { flight, .. } => Some(flight),
            _ => None,
        }
    }

    /// The attempt it works for.
    #[must_use]
    pub const fn attempt(&self) -> Option<u8> {
        match self.job {
            Job::Create { attempt } | Job::Await { attempt } | Job::Activate { attempt, .. } => Some(attempt),
            Job::Change { .. } | Job::Settle { .. } => None,
        }
    }

    /// What Stripe is to be brought to.
    pub(crate) const fn wanted(&self) -> Option<Plan> {
        match self.job {
            Job::Create { .. } | Job::Await { .. } => None,
            Job::Activate { tier, .. } | Job::Change { tier, .. } => tier,
            Job::Settle { wanted, .. } => wanted,
        }
    }

    pub(crate) const fn forget_an_attempt(&mut self) {
        if let Job::Create { attempt } | Job::Await { attempt } | Job::Activate { attempt, .. } = &mut self.job {
            *attempt -= 1;
        }
    }

    /// Stripe may be in another state than before.
    pub(crate) const fn touch(&mut self) {
        if let Job::Change { touched, .. } = &mut self.job {
            *touched = true;
        }
    }

    pub(crate) const fn sends(&mut self, call: Call, fresh: bool) {
        self.at = At::Await { flight: Flight::of(call), fresh };
    }
}
