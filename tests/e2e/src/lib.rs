//! End-to-end tests: black box, through the gateway.
