//! The ways to break the protocol.

/// What is left out of the protocol, or of what it relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing: the protocol as the code implements it.
    Nothing,
    /// Step 1 asks again after an unanswered call without looking for the name.
    NoLookUp,
    /// Step 1 believes that a project which is not in the list yet does not exist.
    NotListedIsNotThere,
    /// The ledger row is written after the resource exists, not before it is asked for.
    IntentAfterCall,
    /// Intents, renewals and fences do not look at the lease.
    NoFence,
    /// They look at the lease, but do not check that it outlasts the call.
    FenceForgetsCall,
    /// Completions (step, activation, tier change, settling) do not look at the lease.
    CompletionIgnoresLease,
    /// The statement that declares a project dead does not look at the lease.
    BurialIgnoresLease,
    /// Every request for a subscription has a new idempotency key.
    NewKeyEveryTime,
    /// After a stored error the subscription is asked for again without looking for it.
    ReplayIsNotThere,
    /// The intent of a tier change is due at once, not when its lease is over.
    ChangeDueAtOnce,
    /// The intent of a deactivation is due at once if no lease is held, although a call may still have its effect.
    DeactivationDueAtOnce,
    /// The tier is changed without an intent.
    NoBillingIntent,
    /// A subscription that is gone is an error, as if Stripe had refused something.
    GoneIsRefused,
    /// A tier change that finds the subscription gone and is refused then closes its intent.
    GoneIsUntouched,
    /// `record-failure` does not look at the attempt.
    FailureIgnoresAttempt,
    /// `record-failure` does not look at the state.
    FailureIgnoresState,
    /// `record-failure` does not look at the lease.
    FailureIgnoresLease,
    /// A step begins without a check of its attempt.
    BeginIgnoresAttempt,
    /// The event is published without looking for its mark.
    NoMark,
    /// There is no reconciler.
    NoReconciler,
    /// Supabase: a project may be missing from the list two minutes after it was asked for.
    ListedTooLate,
    /// Stripe: a request that was refused may succeed when it is repeated with the same key.
    RefusalNotKept,
}
