//! Stripe: customers and subscriptions.
