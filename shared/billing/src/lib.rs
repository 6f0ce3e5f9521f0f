//! Billing under a tenant's lease: brings Stripe to the row's tier, however often it is asked to and whatever crashed
//! before.
//!
//! One rule holds at every moment: if Stripe may differ from the row's tier, an open intent says so. The intent is
//! committed before Stripe is called, and closed in the statement that makes row and Stripe agree. If a process dies in
//! between, the reconciler sets Stripe to the row's tier.

#![warn(missing_docs)]

mod account;
mod change;
mod once;
mod open;
mod settle;

pub use account::{Biller, Billing, BillingSettings, Plan};
pub use change::{ChangeNotBegun, Changed, begin_change, finish_change};
pub use open::Report;
pub use settle::{Change, Settled};
