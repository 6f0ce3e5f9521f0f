//! Stripe: customers and subscriptions.
//!
//! Requests are form-encoded with bracketed names, answers are JSON. The API version is pinned, since Stripe changes
//! shapes between versions (source: docs.stripe.com/api, and stripe/stripe-go, which pins the same version).

#![warn(missing_docs)]

mod client;
mod error;
mod objects;
mod requests;

pub use client::{Mode, Stripe};
pub use error::Error;
pub use objects::{Customer, Item, Price, Subscription};
pub use requests::{
    ChosenPrice, PreparedPost, SubscriptionChange, create_customer, create_subscription, update_customer,
    update_subscription,
};
