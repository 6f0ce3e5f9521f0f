//! Step 9: billing, activation, event.
