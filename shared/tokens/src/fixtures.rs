//! Keys, tokens and the time of the tests.

use std::time::Duration;

pub use test_tokens::*;

use crate::now::Now;

pub fn now() -> Now {
    Now(Duration::from_secs(NOW))
}
