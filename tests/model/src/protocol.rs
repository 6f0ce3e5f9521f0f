//! The protocol as it is, and the ways to break it.

/// What is left out of the protocol, or of what it relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing: the protocol as the code has it.
    Nothing,
    /// Step 1 asks again after an unanswered call without looking for the name.
    NoLookUp,
    /// Step 1 takes a project that is not in the list yet for one that was never made.
    NotListedIsNotThere,
    /// The resource is written down once it is there, not before it is asked for.
    IntentAfterCall,
    /// Intents, renewals and fences do not look at the lease.
    NoFence,
    /// They do look at the lease, but not whether it outlasts the call.
    FenceForgetsCall,
    /// What completes (step, activation, tier change, settling) does not look at the lease.
    CompletionIgnoresLease,
    /// What declares a project dead does not look at the lease.
    BurialIgnoresLease,
    /// Every try of a subscription has a new idempotency key.
    NewKeyEveryTime,
    /// After a stored error the subscription is asked for again without looking for it.
    ReplayIsNotThere,
    /// The intent of a tier change is due at once, not when its lease is over.
    ChangeDueAtOnce,
    /// The intent of a deactivation is due at once where no lease is held, although a call may be on its way.
    DeactivationDueAtOnce,
    /// The tier is changed without an intent.
    NoBillingIntent,
    /// `record-failure` does not look at the attempt.
    FailureIgnoresAttempt,
    /// `record-failure` does not look at the state.
    FailureIgnoresState,
    /// `record-failure` does not look at the lease.
    FailureIgnoresLease,
    /// A step begins whatever the attempt.
    BeginIgnoresAttempt,
    /// The event is published without looking for its mark.
    NoMark,
    /// Nobody reconciles.
    NoReconciler,
    /// Relied on: a project is in the list two minutes after it was asked for.
    ListedTooLate,
    /// Relied on: a request that Stripe refused under a key, it refuses under that key for ever.
    RefusalNotKept,
}
