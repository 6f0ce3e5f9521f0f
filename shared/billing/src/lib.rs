//! Billing under a tenant's lease: it sets Stripe to the row's tier. It can be repeated after any crash.
//!
//! One rule always holds: if Stripe may differ from the row's tier, there is an open intent. The intent is committed
//! before Stripe is called. It is closed by the statement that makes row and Stripe agree. If a process dies in
//! between, the reconciler sets Stripe to the row's tier.

#![warn(missing_docs)]

mod account;
mod change;
mod look;
mod once;
mod open;
mod repair;
mod settle;

pub use account::{Biller, Billing, BillingSettings, Plan};
pub use change::{ChangeNotBegun, Changed, begin_change, finish_change};
pub use look::{Billed, Priced, Subscribed};
pub use open::Report;
pub use settle::{Change, Settled};
