//! An invocation: a step, a tier change or a settling. It goes from one outside effect to the next. It may stop between
//! any two of its acts, for a while or for good.

use crate::call::{Call, Flight};
use crate::tier::{Plan, Tier};

/// What an invocation does as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Step 1.
    Create {
        /// The attempt it belongs to.
        attempt: u8,
    },
    /// Step 2.
    Await {
        /// The attempt it belongs to.
        attempt: u8,
    },
    /// Step 9.
    Activate {
        /// The attempt it belongs to.
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
        /// Whether Stripe may have changed.
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
    /// Look into the ledger, then outside.
    Look,
    /// Write an intent and send its request.
    Intend,
    /// Check the lease and send the intent's request again.
    Resend,
    /// Look for what a request created although it was answered by an error.
    Find,
    /// Give the intent a new request and key, and send the request.
    Renew,
    /// Wait for an answer.
    Await {
        /// The call.
        flight: Flight,
        /// This invocation wrote the intent, and sent nothing for it before.
        fresh: bool,
    },
    /// Write the id into the ledger.
    Confirm {
        /// The project; unused for a subscription.
        id: u8,
        /// As in [`At::Await`].
        fresh: bool,
    },
    /// Give up the intent because its request was refused.
    Discard,
    /// Check the lease and delete a project that came up dead.
    Bury {
        /// Index into [`crate::World::projects`].
        id: u8,
    },
    /// Record that the project is dead and that step 1 has to be done again.
    Unmake,
    /// Give up a subscription that has ended.
    Forget,
    /// Check the lease and change the subscription.
    Update {
        /// The new plan, if it changes.
        plan: Option<Plan>,
        /// The new `cancel_at_period_end`, if it changes.
        cancelling: Option<bool>,
    },
    /// Close the intent of a tier change that was refused before anything changed.
    Withdraw,
    /// Complete the step, the activation, the tier change or the settling.
    Finish,
    /// Publish what the activation promised.
    Publish,
    /// Record that it is published.
    Tell,
}

/// An invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Invocation {
    /// What it does.
    pub job: Job,
    /// What it does next.
    pub at: At,
    /// Whether the row's lease token is its own.
    pub holds: bool,
    /// Whether an execution waits for its answer.
    pub awaited: bool,
}

impl Invocation {
    /// The call that it waits for.
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

    /// The plan that Stripe should have in the end.
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

    /// Notes that Stripe may have changed.
    pub(crate) const fn touch(&mut self) {
        if let Job::Change { touched, .. } = &mut self.job {
            *touched = true;
        }
    }

    pub(crate) const fn sends(&mut self, call: Call, fresh: bool) {
        self.at = At::Await { flight: Flight::of(call), fresh };
    }
}
