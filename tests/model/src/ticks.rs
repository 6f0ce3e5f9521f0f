//! How long things take. Only the order of these numbers matters.

/// Ticks a lease lasts.
pub const LEASE: u8 = 2;
/// Ticks a call may take until it has its effect.
pub const CALL: u8 = 1;
/// Ticks until a new project is in the provider's list.
pub const VISIBLE: u8 = 1;
/// Ticks after which an unanswered request can no longer have an effect: the two minutes of step 1 and of billing.
pub const WINDOW: u8 = 3;
/// A day, after which Stripe has forgotten a key; more than any number of ticks.
pub const DAY: u8 = u8::MAX;
/// Ticks by which an intent that could not be settled is postponed.
pub const POSTPONED: u8 = 2;
