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
pub use objects::{Customer, Price, Subscription};
pub use requests::{PreparedPost, create_customer, create_subscription};

/// One call, from connect to the last byte.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
