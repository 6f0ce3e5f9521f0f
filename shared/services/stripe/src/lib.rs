//! Stripe: customers and subscriptions.
//!
//! Requests are form-encoded with bracketed names, answers are JSON; the version is pinned, since Stripe changes shapes
//! between versions (source: docs.stripe.com/api, stripe/stripe-go which pins the same version).

mod client;
mod error;
mod objects;
mod requests;

use std::time::Duration;

pub use client::Stripe;
pub use error::Error;
pub use objects::{Customer, Item, Price, Subscription};
pub use requests::{PreparedPost, SubscriptionChange, create_customer, create_subscription, update_subscription};

/// One call, from connect to the last byte, where nobody waits for the answer: Stripe's slowest answers are well within it.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
